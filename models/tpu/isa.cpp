#include "models/tpu/isa.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace triad::tpu {

Block Block::part(std::uint64_t row, std::uint64_t column, std::uint64_t n_rows, std::uint64_t n_columns) const {
  Block result = *this;
  result.rows = n_rows;
  result.columns = n_columns;
  if (pattern == nullptr) {
    result.address += row * pitch + column * element_bytes();
  } else {
    result.first_row += row;
    result.first_column += column;
  }
  return result;
}

namespace {

std::vector<std::int64_t> walk(const std::vector<Pattern::Digit>& digits, std::uint64_t first, std::uint64_t count) {
  std::vector<std::int64_t> offsets(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint64_t rest = first + i;
    std::int64_t offset = 0;
    for (std::size_t d = digits.size(); d-- > 0;) {
      offset += static_cast<std::int64_t>(rest % digits[d].extent) * digits[d].stride;
      rest /= digits[d].extent;
    }
    offsets[i] = offset;
  }
  return offsets;
}

std::vector<std::int64_t> steps(std::uint64_t count, std::uint64_t stride) {
  std::vector<std::int64_t> offsets(count);
  for (std::uint64_t i = 0; i < count; ++i) offsets[i] = static_cast<std::int64_t>(i * stride);
  return offsets;
}

}  // namespace

std::vector<std::int64_t> Block::row_offsets() const {
  return pattern == nullptr ? steps(rows, pitch) : walk(pattern->rows, first_row, rows);
}

std::vector<std::int64_t> Block::column_offsets() const {
  return pattern == nullptr ? steps(columns, element_bytes()) : walk(pattern->columns, first_column, columns);
}

std::vector<kit::Range> Block::ranges() const {
  if (pattern == nullptr) return {{address, row_bytes(), rows, pitch}};
  if (pattern->bytes > 0) return {{pattern->begin, pattern->bytes, 1, 0}};
  const std::vector<std::int64_t> row_at = row_offsets(), column_at = column_offsets();
  const auto size = static_cast<std::int64_t>(element_bytes());
  std::vector<kit::Range> result;
  for (std::size_t begin = 0; begin < column_at.size();) {
    std::size_t end = begin + 1;
    while (end < column_at.size() && column_at[end] == column_at[end - 1] + size) ++end;
    const std::uint64_t at = address + static_cast<std::uint64_t>(column_at[begin]),
                        bytes = (end - begin) * element_bytes();
    // Rows at one pitch make one range.
    for (std::size_t row = 0; row < rows;) {
      std::size_t next = row + 1;
      const std::int64_t step = next < rows ? row_at[next] - row_at[row] : 0;
      while (next < rows && row_at[next] - row_at[next - 1] == step && step > 0) ++next;
      result.push_back(
          {at + static_cast<std::uint64_t>(row_at[row]), bytes, next - row, static_cast<std::uint64_t>(step)});
      row = next;
    }
    begin = end;
  }
  return result;
}

std::uint64_t Transfer::total_bytes() const {
  std::uint64_t total = bytes;
  for (const Loop& loop : loops) total *= loop.count;
  return total;
}

namespace {

/// Ranges of runs of `bytes` under loops of (count, stride): the innermost loop becomes the rows of a range.
std::vector<kit::Range> ranges_of(std::uint64_t address, std::uint64_t bytes,
                                  std::vector<std::pair<std::uint64_t, std::int64_t>> loops) {
  std::erase_if(loops, [](const auto& loop) { return loop.first == 1 || loop.second == 0; });
  for (auto& [count, stride] : loops) {
    if (stride < 0) {
      address -= (count - 1) * static_cast<std::uint64_t>(-stride);
      stride = -stride;
    }
  }
  // The widest strides outermost; a loop whose steps join the run makes it longer.
  std::stable_sort(loops.begin(), loops.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  while (!loops.empty() && static_cast<std::uint64_t>(loops.back().second) <= bytes) {
    bytes += (loops.back().first - 1) * static_cast<std::uint64_t>(loops.back().second);
    loops.pop_back();
  }
  kit::Range inner{address, bytes, 1, 0};
  if (!loops.empty()) {
    inner.rows = loops.back().first;
    inner.pitch = static_cast<std::uint64_t>(loops.back().second);
    loops.pop_back();
  }
  std::vector<kit::Range> result = {inner};
  for (const auto& [count, stride] : loops) {
    const std::size_t n = result.size();
    for (std::uint64_t i = 1; i < count; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        result.push_back(result[j]);
        result.back().begin += i * static_cast<std::uint64_t>(stride);
      }
    }
  }
  return result;
}

}  // namespace

std::vector<kit::Range> Transfer::chip_ranges() const {
  if (clear_bytes > 0) return {{clear_begin, clear_bytes, 1, 0}};
  std::vector<std::pair<std::uint64_t, std::int64_t>> all;
  for (const Loop& loop : loops) all.emplace_back(loop.count, loop.chip);
  return ranges_of(address, bytes, std::move(all));
}

std::vector<kit::Range> ranges(const Place& place, const graph::Shape& extents) {
  std::vector<std::pair<std::uint64_t, std::int64_t>> loops;
  for (std::size_t axis = 0; axis < extents.size(); ++axis) {
    loops.emplace_back(static_cast<std::uint64_t>(extents[axis]), place.strides[axis]);
  }
  return ranges_of(place.address, static_cast<std::uint64_t>(numerics::bytes_of(place.format)), std::move(loops));
}

namespace {

std::string text(const Block& b) {
  if (b.pattern != nullptr) {
    return fmt::format("[{:#x} {}x{} from {},{} of a pattern {}]", b.address, b.rows, b.columns, b.first_row,
                       b.first_column, numerics::to_string(b.format));
  }
  return fmt::format("[{:#x} {}x{} pitch {} {}]", b.address, b.rows, b.columns, b.pitch, numerics::to_string(b.format));
}

std::string text(const Place& p) {
  return fmt::format("[{:#x} strides {} {}]", p.address, fmt::join(p.strides, ","), numerics::to_string(p.format));
}

std::string text(const Planes& p) {
  return fmt::format("[{:#x} pitch {} rows {}+{}]", p.address, p.pitch, p.first, p.rows);
}

struct Describe {
  std::string operator()(const Transfer& t) const {
    std::string out =
        fmt::format("{:#x} memory {:#x} step {} runs of {}", t.address, t.memory.base, t.memory.stride, t.bytes);
    for (const Loop& loop : t.loops) out += fmt::format(" {}x(memory {} chip {})", loop.count, loop.memory, loop.chip);
    if (t.clear_bytes > 0) out += fmt::format(" clear {:#x}+{}", t.clear_begin, t.clear_bytes);
    return out;
  }
  std::string operator()(const Gather& g) const {
    return fmt::format("gather {} by {} of {} rows at {:#x}", text(g.to), text(g.indices), g.table_rows, g.table.base);
  }
  std::string operator()(const LoadWeights& w) const {
    return fmt::format("weights {} part {}", text(w.weights), w.part);
  }
  std::string operator()(const MatrixMultiply& m) const {
    return fmt::format("multiply{} {} part {} {} {}", m.swap ? " swap" : "", text(m.rows), m.part,
                       m.accumulate ? "+=>" : "=>", text(m.result));
  }
  std::string operator()(const Vector& v) const {
    std::string out = "formula";
    for (const graph::Term& term : v.formula->terms) {
      if (term.function != graph::Function::operand && term.function != graph::Function::constant)
        out += " " + graph::to_string(term.function);
    }
    out += fmt::format(" over {} from {}", graph::to_string(v.extents), graph::to_string(v.origin));
    for (const Place& place : v.operands) out += " " + text(place);
    for (const Vector::Result& result : v.results) {
      out += result.mode == Vector::Mode::write ? " =>" : result.mode == Vector::Mode::add ? " +=>" : " max=>";
      out += " " + text(result.place);
    }
    return out;
  }
  std::string operator()(const Window& w) const {
    std::string out =
        fmt::format("{} kernel {}x{} planes {}", graph::to_string(w.kind), w.kernel[0], w.kernel[1], w.planes);
    for (const Planes& p : w.inputs) out += " " + text(p);
    out += " =>";
    for (const Planes& p : w.outputs) out += " " + text(p);
    return out;
  }
  std::string operator()(const ScatterAdd& s) const {
    return fmt::format("scatter_add {} by {} {} {} from row {}", text(s.from), text(s.indices), s.clear ? "=>" : "+=>",
                       text(s.to), s.first_row);
  }
  std::string operator()(const Transpose& t) const { return fmt::format("{} => {}", text(t.from), text(t.to)); }
};

}  // namespace

std::string to_string(const Instruction& instruction, const Parameters& parameters) {
  std::string out =
      fmt::format("{:12} {}", parameters.unit_name(instruction.unit), std::visit(Describe{}, instruction.body));
  for (const Wait& wait : instruction.waits)
    out += fmt::format(" wait({} {})", parameters.unit_name(wait.unit), wait.count);
  return out;
}

}  // namespace triad::tpu
