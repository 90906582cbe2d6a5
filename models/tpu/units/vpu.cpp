#include "models/tpu/units/vpu.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

#include "models/tpu/units/vector_formula.hpp"
#include "models/tpu/units/window.hpp"
#include "sim/device/device.hpp"

namespace triad::tpu {

using kit::Access;
using kit::Range;

namespace {

bool same(const std::vector<Range>& a, const std::vector<Range>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Range& x, const Range& y) {
    return x.begin == y.begin && x.row_bytes == y.row_bytes && x.rows == y.rows && x.pitch == y.pitch;
  });
}

Range range_of(const Planes& planes, std::int64_t count) {
  return {planes.address, static_cast<std::uint64_t>(planes.rows * planes.width) * 4, static_cast<std::uint64_t>(count),
          planes.pitch};
}

}  // namespace

void Vpu::use(Work& work, const std::vector<Range>& ranges, Access access, Cycle now) {
  for (const Range& range : ranges) work.uses.push_back(machine_.vmem.use(name(), range, access, now));
}

PipelinedUnit::Work Vpu::begin(const Vector& v, Cycle now) {
  Work work;
  std::vector<std::vector<Range>> read, written;
  for (const Place& place : v.operands) read.push_back(ranges(place, v.extents));
  for (const Vector::Result& result : v.results) written.push_back(ranges(result.place, v.extents));
  for (std::size_t i = 0; i < read.size(); ++i) {
    // An operand that is a result too is updated in place, one that is read twice is read once: one use.
    const auto is_same = [&](const auto& other) { return same(other, read[i]); };
    const auto end = read.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::any_of(written.begin(), written.end(), is_same) || std::any_of(read.begin(), end, is_same)) continue;
    use(work, read[i], Access::read, now);
  }
  for (std::size_t i = 0; i < written.size(); ++i) {
    const bool reads =
        v.results[i].mode != Vector::Mode::write ||
        std::any_of(read.begin(), read.end(), [&](const auto& other) { return same(other, written[i]); });
    use(work, written[i], reads ? Access::update : Access::write, now);
  }
  if (machine_.values) {
    work.write = [this, results = evaluate(v, machine_.parameters.vpu.lanes, machine_.vmem)] {
      for (const BoxResult& result : results) write_box(machine_.vmem, result);
    };
  }
  return work;
}

PipelinedUnit::Work Vpu::begin(const Window& w, Cycle now) {
  Work work;
  for (const Planes& planes : w.inputs) use(work, {range_of(planes, w.planes)}, Access::read, now);
  for (const Planes& planes : w.outputs) use(work, {range_of(planes, w.planes)}, Access::write, now);
  if (machine_.values) {
    work.write = [this, results = evaluate(w, machine_.vmem)] {
      for (const PlanesResult& result : results) write_planes(machine_.vmem, result);
    };
  }
  return work;
}

PipelinedUnit::Work Vpu::begin(const ScatterAdd& s, Cycle now) {
  Work work;
  use(work, s.from.ranges(), Access::read, now);
  use(work, s.indices.ranges(), Access::read, now);
  use(work, s.to.ranges(), s.clear ? Access::write : Access::update, now);
  if (!machine_.values) return work;
  std::vector<float> sums(s.to.rows * s.to.columns, 0.0f);
  const auto row_of = [&](std::uint64_t row) { return machine_.vmem.at(s.to.address + row * s.to.pitch); };
  if (!s.clear) {
    for (std::uint64_t row = 0; row < s.to.rows; ++row) {
      std::memcpy(sums.data() + row * s.to.columns, row_of(row), s.to.row_bytes());
    }
  }
  for (std::uint64_t i = 0; i < s.from.rows; ++i) {
    std::int32_t index;
    std::memcpy(&index, machine_.vmem.at(s.indices.address + i * s.indices.pitch), sizeof index);
    if (index < 0 || static_cast<std::uint64_t>(index) >= s.rows) {
      throw device::Fault(fmt::format("cycle {}: vpu adds to row {} of {} rows", now, index, s.rows));
    }
    const std::uint64_t row = static_cast<std::uint64_t>(index) - s.first_row;  // of rows before: huge
    if (row >= s.to.rows) continue;
    const std::byte* from = machine_.vmem.at(s.from.address + i * s.from.pitch);
    for (std::uint64_t column = 0; column < s.to.columns; ++column) {
      float value;
      std::memcpy(&value, from + 4 * column, sizeof value);
      float& sum = sums[row * s.to.columns + column];
      sum = numerics::canonical(sum + value);
    }
  }
  work.write = [&s, row_of, sums = std::move(sums)] {
    for (std::uint64_t row = 0; row < s.to.rows; ++row) {
      std::memcpy(row_of(row), sums.data() + row * s.to.columns, s.to.row_bytes());
    }
  };
  return work;
}

PipelinedUnit::Work Vpu::begin(const Issued& issued, Cycle now) {
  const int lanes = machine_.parameters.vpu.lanes;
  return std::visit(
      [&](const auto& body) -> Work {
        if constexpr (requires {
                        begin(body, now);
                        cost(body, lanes);
                      }) {
          Work work = begin(body, now);
          const Cost taken = cost(body, lanes);
          work.occupancy = taken.cycles;
          work.operations = taken.operations;
          work.vmem_bytes = taken.vmem_bytes;
          return work;
        } else {
          throw std::logic_error("not an instruction of the vector unit");
        }
      },
      issued.instruction->body);
}

}  // namespace triad::tpu
