#include "models/asic/units/formula_schedule.hpp"

#include <algorithm>
#include <bit>

namespace triad::asic {

using graph::Function;

namespace {
std::size_t at(int i) {
  return static_cast<std::size_t>(i);
}
bool is_source(Function f) {
  return f == Function::operand || f == Function::constant || f == Function::coordinate;
}
}  // namespace

bool is_reduction(Function f) {
  return f == Function::row_sum || f == Function::row_maximum;
}

/// `uniform` mixes the bits of a point's index: two multiplications, three shifts with an exclusive or, in pairs.
int arithmetic_cost(Function f) {
  if (is_source(f) || special_cost(f) > 0) return 0;
  return f == Function::uniform ? 4 : 1;
}

int special_cost(Function f) {
  switch (f) {
    case Function::divide:
    case Function::exponential:
    case Function::logarithm:
    case Function::square_root:
    case Function::tanh:
    case Function::error_function:
      return 1;
    default:
      return 0;
  }
}

FormulaSchedule::FormulaSchedule(const isa::Descriptor& descriptor, const Parameters::Stream& engine, bool flying)
    : formula(isa::formula_of(descriptor)) {
  const int rank = static_cast<int>(formula.space.size());
  reduces = formula.row_length() > 1;
  stage = formula.stages();
  per_row = formula.per_row();
  if (!reduces) {  // a row of one point is a point
    std::fill(formula.reduced.begin(), formula.reduced.end(), false);
    std::ranges::fill(stage, 0);
    per_row.assign(per_row.size(), false);
  }
  for (const auto& result : formula.results) row_results |= reduces && result.per_row;
  for (int axis = rank; axis-- > 0 && strip_axis < 0;) {
    if (reduces && !formula.reduced[at(axis)]) strip_axis = axis;
  }
  across_rows = reduces && rank > 0 && !formula.reduced.back();
  chains = across_rows ? 1 : engine.lanes * engine.accumulate_cycles;
  choose_sources(descriptor, engine, flying);
  make_passes();
  choose_blocks(engine);
}

void FormulaSchedule::choose_sources(const isa::Descriptor& d, const Parameters::Stream& engine, bool flying) {
  const auto half = static_cast<std::int64_t>(engine.operand_bytes / 2);
  for (std::size_t i = 0; i < d.operands.size(); ++i) {
    if (flying && i == 0) {
      sources.push_back(Source::product);
      continue;
    }
    bool repeats = false, row = reduces;
    std::int64_t elements = 1, last = 0;
    for (std::size_t axis = 0; axis < d.axes.size(); ++axis) {
      const std::int64_t stride = d.operands[i].strides[axis];
      repeats |= stride == 0 && d.axes[axis].extent > 1;
      row &= stride == 0 || !d.axes[axis].reduced;
      if (stride != 0) elements *= d.axes[axis].extent;
      last += stride * (d.axes[axis].extent - 1);
    }
    const bool dense = last + 1 == elements;
    if (repeats && dense && resident_bytes + 4 * elements <= half) {
      resident_bytes += 4 * elements;
      sources.push_back(Source::resident);
    } else {
      sources.push_back(row ? Source::row : Source::streamed);
    }
  }
}

void FormulaSchedule::make_passes() {
  const int count = static_cast<int>(formula.terms.size());
  int last = 0;
  for (const auto& result : formula.results) last = std::max(last, stage[at(result.term)]);
  for (int p = 0; p <= last; ++p) {
    Pass pass;
    pass.operands.assign(formula.strides.size(), false);
    std::vector<bool> needed(at(count), false);
    for (int t = 0; t < count && reduces; ++t) {
      if (!is_reduction(formula.terms[at(t)].function) || stage[at(t)] != p + 1) continue;
      pass.sums.push_back(t);
      needed[at(formula.terms[at(t)].arguments[0])] = true;
    }
    for (const auto& result : formula.results) {
      if (p < last || (reduces && result.per_row)) continue;
      pass.results = true;
      needed[at(result.term)] = true;
    }
    for (int t = count; t-- > 0;) {
      const graph::Term& term = formula.terms[at(t)];
      if (!needed[at(t)] || per_row[at(t)]) continue;
      for (int a = 0; a < graph::arity(term.function); ++a) needed[at(term.arguments[at(a)])] = true;
    }
    for (int t = 0; t < count; ++t) {
      const graph::Term& term = formula.terms[at(t)];
      if (per_row[at(t)]) {
        const bool made = !is_reduction(term.function) && stage[at(t)] == p;
        if (made) pass.row_terms.push_back(t);
        if (made && !is_source(term.function)) {
          pass.row_arithmetic += arithmetic_cost(term.function);
          pass.row_special += special_cost(term.function);
        }
        continue;
      }
      if (!needed[at(t)]) continue;
      pass.point_terms.push_back(t);
      if (term.function == Function::operand && sources[at(term.arguments[0])] == Source::streamed) {
        pass.operands[at(term.arguments[0])] = true;
      }
    }
    passes.push_back(std::move(pass));
  }
}

/// What stays of a point in a cached block: streamed operands, and values that a later pass reads.
std::int64_t FormulaSchedule::words_per_point() const {
  std::vector<int> first(formula.terms.size(), -1);
  std::vector<bool> operand(formula.strides.size(), false), kept(formula.terms.size(), false);
  for (std::size_t p = 0; p < passes.size(); ++p) {
    for (const int t : passes[p].point_terms) {
      if (first[at(t)] < 0) first[at(t)] = static_cast<int>(p);
    }
    for (std::size_t i = 0; i < operand.size(); ++i) operand[i] = operand[i] || passes[p].operands[i];
    const auto reads = [&](int t) {
      if (!per_row[at(t)] && !is_source(formula.terms[at(t)].function) && first[at(t)] < static_cast<int>(p)) {
        kept[at(t)] = true;
      }
    };
    for (const int t : passes[p].point_terms) {
      const graph::Term& term = formula.terms[at(t)];
      if (first[at(t)] < static_cast<int>(p)) continue;
      for (int a = 0; a < graph::arity(term.function); ++a) reads(term.arguments[at(a)]);
    }
    for (const int t : passes[p].sums) reads(formula.terms[at(t)].arguments[0]);
    if (!passes[p].results) continue;
    for (const auto& result : formula.results) {
      if (!result.per_row) reads(result.term);
    }
  }
  return std::ranges::count(operand, true) + std::ranges::count(kept, true);
}

void FormulaSchedule::choose_blocks(const Parameters::Stream& engine) {
  if (reduces) {
    for (std::size_t t = 0; t < formula.terms.size(); ++t) {
      if (per_row[t] && formula.terms[t].function != Function::constant) ++row_words;
    }
    const std::int64_t capacity = (static_cast<std::int64_t>(engine.operand_bytes) - resident_bytes) / 4;
    const std::int64_t side = strip_axis < 0 ? 1 : formula.space[at(strip_axis)];
    const std::int64_t by_rows =
        std::max<std::int64_t>(1, std::min(side, capacity / std::max<std::int64_t>(1, row_words)));
    const auto with_points = std::ranges::count_if(passes, [](const Pass& pass) { return pass.points(); });
    strip = by_rows;
    if (with_points > 1) {
      const std::int64_t whole =
          std::min(side, capacity / std::max<std::int64_t>(1, words_per_point() * formula.row_length() + row_words));
      cached = whole >= (across_rows ? std::min<std::int64_t>(side, engine.lanes) : 1);
      strip = cached ? whole : across_rows ? by_rows : 1;
    }
  }
  std::vector<bool> computed(formula.terms.size(), false);
  bool first = true;
  for (Pass& pass : passes) {
    if (!pass.points()) continue;
    pass.reads = first || !cached;
    for (std::size_t i = 0; first && cached && i < pass.operands.size(); ++i) {
      for (const Pass& later : passes) pass.operands[i] = pass.operands[i] || later.operands[i];
    }
    if (!pass.reads) pass.operands.assign(pass.operands.size(), false);
    first = false;
    for (const int t : pass.point_terms) {
      const Function f = formula.terms[at(t)].function;
      if (cached && computed[at(t)]) continue;
      computed[at(t)] = true;
      pass.arithmetic += arithmetic_cost(f);
      pass.special += special_cost(f);
      pass.adds += f == Function::add || f == Function::subtract || (!reduces && f == Function::row_sum);
      pass.multiplies += f == Function::multiply;
      pass.compares +=
          arithmetic_cost(f) > 0 && f != Function::add && f != Function::subtract && f != Function::multiply;
    }
    for (const int t : pass.sums) {
      ++pass.arithmetic;
      (formula.terms[at(t)].function == Function::row_sum ? pass.adds : pass.compares) += 1;
    }
  }
}

std::int64_t FormulaSchedule::cycles(const Pass& pass, const Box& chunk, const Parameters::Stream& engine) const {
  const std::int64_t points = chunk.points();
  std::int64_t run = points;  // points that the lanes take without a gap
  if (reduces) {
    run = 1;
    for (int axis = chunk.rank; axis-- > 0 && formula.reduced[at(axis)] == formula.reduced.back();) {
      run *= chunk.extent[at(axis)];
    }
  }
  const std::int64_t slots = std::max<std::int64_t>(1, ceil_div(pass.arithmetic, engine.functions));
  std::int64_t beats = ceil_div(run, engine.lanes) * slots;
  // Across rows the next points add to the same sums.
  if (across_rows && !pass.sums.empty()) beats = std::max<std::int64_t>(beats, engine.accumulate_cycles);
  return std::max(points / run * beats, ceil_div(points * pass.special, engine.special_lanes));
}

std::int64_t FormulaSchedule::row_cycles(const Pass& pass, std::int64_t rows, const Parameters::Stream& engine) const {
  return std::max(ceil_div(rows, engine.lanes) * ceil_div(pass.row_arithmetic, engine.functions),
                  ceil_div(rows * pass.row_special, engine.special_lanes));
}

std::int64_t FormulaSchedule::tree_cycles(const Parameters::Stream& engine) const {
  return static_cast<std::int64_t>(std::bit_width(static_cast<unsigned>(chains - 1))) * engine.accumulate_cycles;
}

std::int64_t least_operand_bytes(const FormulaSchedule& schedule) {
  return schedule.resident_bytes + 4 * schedule.row_words;
}

}  // namespace triad::asic
