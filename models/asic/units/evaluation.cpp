#include "models/asic/units/evaluation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "models/asic/units/words.hpp"
#include "sim/numerics/elementary.hpp"
#include "sim/numerics/random.hpp"

namespace triad::asic {

using graph::Function;
using Source = FormulaSchedule::Source;

namespace {
std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}
}  // namespace

Evaluation::Evaluation(const FormulaSchedule& schedule, const Layer& layer)
    : schedule_(&schedule), descriptor_(layer.descriptor.get()) {
  resident_.resize(schedule.formula.strides.size());
  rows_.resize(schedule.formula.terms.size());
  sums_.resize(schedule.formula.terms.size());
  values_.resize(schedule.formula.terms.size());
}

void Evaluation::resident(std::size_t operand, const Bytes& bytes) {
  resident_[operand] = words_of(bytes, descriptor_->operands[operand].storage);
}

void Evaluation::begin_block(const Box& block) {
  block_ = block;
  cached_.clear();
  const std::int64_t rows = schedule_->strip_axis < 0 ? 1 : block.extent[at(schedule_->strip_axis)];
  for (std::size_t t = 0; t < rows_.size(); ++t) {
    const graph::Term& term = schedule_->formula.terms[t];
    if (!schedule_->reduces || !schedule_->per_row[t]) continue;
    rows_[t].assign(at(rows), 0.0f);
    if (!is_reduction(term.function)) continue;
    const bool sum = term.function == Function::row_sum;
    sums_[t].assign(at(sum ? rows * schedule_->chains : rows), sum ? 0.0f : -std::numeric_limits<float>::infinity());
  }
}

void Evaluation::row_operand(std::size_t operand, const Bytes& bytes) {
  // One value per row, or one for all of them.
  resident_[operand] = words_of(bytes, descriptor_->operands[operand].storage);
}

void Evaluation::begin_pass(std::size_t pass) {
  const graph::Formula& f = schedule_->formula;
  for (std::size_t t = 0; t < f.terms.size() && schedule_->reduces; ++t) {
    if (!is_reduction(f.terms[t].function) || schedule_->stage[t] != static_cast<int>(pass)) continue;
    for (std::size_t row = 0; row < rows_[t].size(); ++row) {
      const auto chains = at(schedule_->chains);
      rows_[t][row] = f.terms[t].function == Function::row_sum
                          ? numerics::lane_sum({sums_[t].data() + row * chains, chains}, schedule_->chains)
                          : sums_[t][row];
    }
  }
  for (const int t : schedule_->passes[pass].row_terms) {
    const graph::Term& term = f.terms[at(t)];
    Values& to = rows_[at(t)];
    if (term.function == Function::operand) {
      const auto operand = at(term.arguments[0]);
      const std::int64_t stride = schedule_->strip_axis < 0 ? 0 : f.strides[operand][at(schedule_->strip_axis)];
      std::int64_t first = 0;
      if (schedule_->sources[operand] == Source::resident) {
        for (int axis = 0; axis < block_.rank; ++axis) first += block_.begin[at(axis)] * f.strides[operand][at(axis)];
      }
      const std::int64_t step = schedule_->sources[operand] == Source::resident ? stride : stride != 0 ? 1 : 0;
      for (std::size_t row = 0; row < to.size(); ++row) {
        to[row] = resident_[operand][at(first + static_cast<std::int64_t>(row) * step)];
      }
    } else if (term.function == Function::coordinate) {
      for (std::size_t row = 0; row < to.size(); ++row) {
        const int axis = term.arguments[0];
        to[row] = static_cast<float>(block_.begin[at(axis)] +
                                     (axis == schedule_->strip_axis ? static_cast<std::int64_t>(row) : 0));
      }
    } else {
      for (int a = 0; a < graph::arity(term.function); ++a) {
        values_[at(term.arguments[at(a)])] = rows_[at(term.arguments[at(a)])];
      }
      apply(term, to.size(), to);
    }
  }
}

void Evaluation::expand(const Box& chunk, const Index& strides, std::int64_t origin, const Values& from,
                        Values& to) const {
  to.resize(at(chunk.points()));
  const int last = chunk.rank - 1;
  const std::int64_t step = strides[at(last)], length = chunk.extent[at(last)];
  for_runs(chunk, [&](const Index& index, std::int64_t point) {
    std::int64_t place = origin;
    for (int axis = 0; axis < chunk.rank; ++axis) place += index[at(axis)] * strides[at(axis)];
    for (std::int64_t i = 0; i < length; ++i) to[at(point + i)] = from[at(place + i * step)];
  });
}

void Evaluation::product(const Box& chunk, const Delivery& delivery, Values& to) const {
  Index strides{};
  std::int64_t row = 1, column = 1;
  for (int axis = chunk.rank; axis-- > 0;) {
    const isa::Axis& a = descriptor_->axes[at(axis)];
    if (a.role == isa::Role::row) strides[at(axis)] = row * delivery.tile.columns, row *= a.extent;
    if (a.role == isa::Role::column) strides[at(axis)] = column, column *= a.extent;
  }
  expand(chunk, strides, -(delivery.tile.row * delivery.tile.columns + delivery.tile.column), delivery.values, to);
}

void Evaluation::fetch(int operand, const Box& chunk, std::size_t ordinal, const Delivery* delivery, Values& to) const {
  const auto& strides = schedule_->formula.strides[at(operand)];
  switch (schedule_->sources[at(operand)]) {
    case Source::product:
      return product(chunk, *delivery, to);
    case Source::resident: {
      Index all{};
      std::ranges::copy(strides, all.begin());
      return expand(chunk, all, 0, resident_[at(operand)], to);
    }
    default: {
      const Index dense = dense_strides(chunk, strides);
      std::int64_t origin = 0;
      for (int axis = 0; axis < chunk.rank; ++axis) origin -= chunk.begin[at(axis)] * dense[at(axis)];
      return expand(chunk, dense, origin, cached_[ordinal][at(operand)], to);
    }
  }
}

void Evaluation::coordinates(int axis, const Box& chunk, Values& to) const {
  to.resize(at(chunk.points()));
  const int last = chunk.rank - 1;
  for_runs(chunk, [&](const Index& index, std::int64_t point) {
    for (std::int64_t i = 0; i < chunk.extent[at(last)]; ++i) {
      to[at(point + i)] = static_cast<float>(index[at(axis)] + (axis == last ? i : 0));
    }
  });
}

void Evaluation::uniform(const graph::Term& term, const Box& chunk, Values& to) const {
  to.resize(at(chunk.points()));
  const Values& step = value_of(term.arguments[0]);
  const auto seed = static_cast<std::uint32_t>(term.value);
  const int last = chunk.rank - 1;
  for_runs(chunk, [&](const Index& index, std::int64_t point) {
    std::int64_t flat = 0;
    for (int axis = 0; axis < chunk.rank; ++axis) {
      flat = flat * schedule_->formula.space[at(axis)] + index[at(axis)];
    }
    for (std::int64_t i = 0; i < chunk.extent[at(last)]; ++i) {
      to[at(point + i)] = numerics::uniform(seed, static_cast<std::uint32_t>(step[at(point + i)]),
                                            static_cast<std::uint32_t>(flat + i));
    }
  });
}

void Evaluation::apply(const graph::Term& term, std::size_t points, Values& to) const {
  to.resize(points);
  const auto one = [&](auto f) {
    const Values& a = value_of(term.arguments[0]);
    for (std::size_t i = 0; i < points; ++i) to[i] = f(a[i]);
  };
  const auto two = [&](auto f) {
    const Values &a = value_of(term.arguments[0]), &b = value_of(term.arguments[1]);
    for (std::size_t i = 0; i < points; ++i) to[i] = f(a[i], b[i]);
  };
  switch (term.function) {
    case Function::constant:
      std::ranges::fill(to, static_cast<float>(term.value));
      return;
    case Function::add:
      return two([](float a, float b) { return a + b; });
    case Function::subtract:
      return two([](float a, float b) { return a - b; });
    case Function::multiply:
      return two([](float a, float b) { return a * b; });
    case Function::divide:
      return two([](float a, float b) { return a / b; });
    case Function::minimum:
      return two([](float a, float b) { return a != a || a < b ? a : b; });
    case Function::maximum:
      return two([](float a, float b) { return a != a || a > b ? a : b; });
    case Function::greater:
      return two([](float a, float b) { return a > b ? 1.0f : 0.0f; });
    case Function::equal:
      return two([](float a, float b) { return a == b ? 1.0f : 0.0f; });
    case Function::select: {
      const Values &a = value_of(term.arguments[0]), &b = value_of(term.arguments[1]), &c = value_of(term.arguments[2]);
      for (std::size_t i = 0; i < points; ++i) to[i] = a[i] != 0 ? b[i] : c[i];
      return;
    }
    case Function::exponential:
      return one([](float a) { return numerics::exponential(a); });
    case Function::logarithm:
      return one([](float a) { return numerics::logarithm(a); });
    case Function::square_root:
      return one([](float a) { return std::sqrt(a); });
    case Function::tanh:
      return one([](float a) { return numerics::hyperbolic_tangent(a); });
    case Function::error_function:
      return one([](float a) { return numerics::error_function(a); });
    case Function::round:
      return one([](float a) { return std::nearbyintf(a); });
    case Function::row_sum:  // of a row of one point
      return one([](float a) { return 0.0f + a; });
    case Function::row_maximum:
      return one([](float a) { return a; });
    default:
      throw std::logic_error("not a function of terms: " + graph::to_string(term.function));
  }
}

/// Takes a chunk's values into the sums of their rows.
void Evaluation::take(int term, const Values& values) {
  Values& sums = sums_[at(term)];
  if (schedule_->formula.terms[at(term)].function == Function::row_sum) {
    const auto chains = at(schedule_->chains);
    for (std::size_t i = 0; i < values.size(); ++i) {
      float& sum = sums[row_[i] * chains + place_[i] % chains];
      sum = numerics::canonical(sum + values[i]);
    }
    return;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    float& most = sums[row_[i]];
    if (values[i] > most || values[i] != values[i]) most = values[i];
  }
}

std::vector<Bytes> Evaluation::points(std::size_t pass, const Box& chunk, std::size_t ordinal,
                                      const std::vector<Bytes>& operands, const Delivery* delivery) {
  const FormulaSchedule::Pass& p = schedule_->passes[pass];
  const graph::Formula& f = schedule_->formula;
  const auto count = at(chunk.points());
  if (p.reads) {
    if (!schedule_->cached || !schedule_->reduces) cached_.clear(), ordinal = 0;
    if (cached_.size() <= ordinal) cached_.resize(ordinal + 1);
    cached_[ordinal].resize(f.strides.size());
    for (std::size_t o = 0; o < f.strides.size() && o < operands.size(); ++o) {
      if (p.operands[o]) cached_[ordinal][o] = words_of(operands[o], descriptor_->operands[o].storage);
    }
  }
  if (schedule_->reduces) {
    row_.resize(count);
    place_.resize(count);
    const int last = chunk.rank - 1;
    for_runs(chunk, [&](const Index& index, std::int64_t point) {
      for (std::int64_t i = 0; i < chunk.extent[at(last)]; ++i) {
        std::int64_t place = 0, row = 0;
        for (int axis = 0; axis < chunk.rank; ++axis) {
          const std::int64_t here = index[at(axis)] + (axis == last ? i : 0);
          if (f.reduced[at(axis)]) place = place * f.space[at(axis)] + here;
          if (axis == schedule_->strip_axis) row = here - block_.begin[at(axis)];
        }
        row_[at(point + i)] = at(row);
        place_[at(point + i)] = at(place);
      }
    });
  }
  // Values of rows, as points see them.
  const auto spread = [&](int t) {
    if (!schedule_->reduces || !schedule_->per_row[at(t)]) return;
    values_[at(t)].resize(count);
    for (std::size_t i = 0; i < count; ++i) values_[at(t)][i] = rows_[at(t)][row_[i]];
  };
  for (const int t : p.point_terms) {
    const graph::Term& term = f.terms[at(t)];
    Values& to = values_[at(t)];
    for (int a = 0; a < graph::arity(term.function); ++a) spread(term.arguments[at(a)]);
    if (term.function == Function::operand) {
      fetch(term.arguments[0], chunk, ordinal, delivery, to);
    } else if (term.function == Function::coordinate) {
      coordinates(term.arguments[0], chunk, to);
    } else if (term.function == Function::uniform) {
      uniform(term, chunk, to);
    } else {
      apply(term, count, to);
    }
  }
  for (const int t : p.sums) {
    const int of = f.terms[at(t)].arguments[0];
    spread(of);
    take(t, values_[at(of)]);
  }
  std::vector<Bytes> results(f.results.size());
  for (std::size_t r = 0; p.results && r < f.results.size(); ++r) {
    if (schedule_->reduces && f.results[r].per_row) continue;
    spread(f.results[r].term);
    results[r] = encode(values_[at(f.results[r].term)], r, chunk);
  }
  return results;
}

Bytes Evaluation::encode(const Values& values, std::size_t result, const Box& chunk) const {
  const isa::Stream& stream = descriptor_->results[result];
  const Index dense = dense_strides(chunk, stream.strides);
  Values out(values.size());
  const int last = chunk.rank - 1;
  for_runs(chunk, [&](const Index& index, std::int64_t point) {
    std::int64_t place = 0;
    for (int axis = 0; axis < chunk.rank; ++axis) {
      place += (index[at(axis)] - chunk.begin[at(axis)]) * dense[at(axis)];
    }
    for (std::int64_t i = 0; i < chunk.extent[at(last)]; ++i) {
      out[at(place + i * dense[at(last)])] = values[at(point + i)];
    }
  });
  // A value that is passed on keeps its bits.
  if (schedule_->formula.terms[at(stream.term)].function != Function::operand) {
    for (float& value : out) value = numerics::canonical(value);
  }
  return bytes_of(out, stream.storage);
}

Bytes Evaluation::row_result(std::size_t result) const {
  Values values = rows_[at(schedule_->formula.results[result].term)];
  for (float& value : values) value = numerics::canonical(value);
  return bytes_of(values, descriptor_->results[result].storage);
}

}  // namespace triad::asic
