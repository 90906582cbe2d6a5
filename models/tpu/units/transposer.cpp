#include "models/tpu/units/transposer.hpp"

#include <cstring>

namespace triad::tpu {

Cycle Transposer::occupancy(const Transpose& t, int columns) {
  const auto width = static_cast<std::uint64_t>(columns);
  return t.from.rows * ((t.from.columns + width - 1) / width);
}

PipelinedUnit::Work Transposer::begin(const Issued& issued, Cycle now) {
  const auto& t = std::get<Transpose>(issued.instruction->body);
  const std::uint64_t size = t.from.element_bytes();
  Work work;
  for (const kit::Range& range : t.from.ranges()) {
    work.uses.push_back(machine_.vmem.use(name(), range, kit::Access::read, now));
  }
  for (const kit::Range& range : t.to.ranges()) {
    work.uses.push_back(machine_.vmem.use(name(), range, kit::Access::write, now));
  }
  work.occupancy = occupancy(t, machine_.parameters.mxu.columns);
  work.vmem_bytes = 2 * t.to.rows * t.to.row_bytes();
  if (!machine_.values) return work;
  std::vector<std::byte> turned(t.to.rows * t.to.row_bytes());
  const std::vector<std::int64_t> rows = t.from.row_offsets(), columns = t.from.column_offsets();
  for (std::uint64_t row = 0; row < t.from.rows; ++row) {
    const std::byte* from = machine_.vmem.at(t.from.address) + rows[row];
    for (std::uint64_t column = 0; column < t.from.columns; ++column) {
      std::memcpy(turned.data() + (column * t.from.rows + row) * size, from + columns[column], size);
    }
  }
  work.write = [this, &to = t.to, turned = std::move(turned)] {
    for (std::uint64_t row = 0; row < to.rows; ++row) {
      std::memcpy(machine_.vmem.at(to.address + row * to.pitch), turned.data() + row * to.row_bytes(), to.row_bytes());
    }
  };
  return work;
}

}  // namespace triad::tpu
