#include "models/tpu/units/transposer.hpp"

#include <cstring>

namespace triad::tpu {

Cycle Transposer::occupancy(const Transpose& t, int columns) {
  const auto width = static_cast<std::uint64_t>(columns);
  return t.from.rows * ((t.from.columns + width - 1) / width);
}

PipelinedUnit::Work Transposer::begin(const Issued& issued, Cycle now) {
  const auto& t = std::get<Transpose>(issued.instruction->body);
  const auto size = static_cast<std::uint64_t>(numerics::bytes_of(t.from.format));
  Work work;
  work.uses = {machine_.vmem.use(name(), range_of(t.from), kit::Access::read, now),
               machine_.vmem.use(name(), range_of(t.to), kit::Access::write, now)};
  std::vector<std::byte> turned(t.to.rows * t.to.row_bytes());
  for (std::uint64_t row = 0; row < t.from.rows; ++row) {
    for (std::uint64_t column = 0; column < t.from.columns; ++column) {
      std::memcpy(turned.data() + (column * t.from.rows + row) * size,
                  machine_.vmem.at(t.from.address + row * t.from.pitch + column * size), size);
    }
  }
  work.occupancy = occupancy(t, machine_.parameters.mxu.columns);
  work.vmem_bytes = 2 * turned.size();
  work.results.emplace_back(t.to, std::move(turned));
  return work;
}

}  // namespace triad::tpu
