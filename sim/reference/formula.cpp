#include <algorithm>
#include <functional>
#include <limits>

#include "sim/reference/formula_plan.hpp"
#include "sim/reference/kernels.hpp"
#include "sim/reference/vector_functions.hpp"

namespace triad::reference {
namespace {

using graph::Formula;
using graph::Function;
using graph::Term;

constexpr std::int64_t block = 512;  ///< points whose terms are computed together: they stay in the first-level cache

/// Executes a plan for a range of rows. Every thread has one.
class Worker {
 public:
  Worker(const FormulaPlan& plan, std::span<const Source> operands, std::span<const Target> results)
      : plan_(plan),
        formula_(plan.formula),
        operands_(operands),
        results_(results),
        buffers_(formula_.terms.size() * block),
        where_(formula_.terms.size()),
        destination_(formula_.terms.size()),
        computed_(formula_.terms.size()),
        sums_(formula_.terms.size()),
        index_(block) {
    for (std::size_t t = 0; t < formula_.terms.size(); ++t) {
      where_[t] = buffer(t);
      if (plan_.fixed[t]) compute(t, plan_.rows, {}, {}, block);
    }
  }

  /// A row at a time, blocks of its points.
  void along_rows(std::int64_t first, std::int64_t last) {
    Place place, point;
    for (std::int64_t row = first; row < last; ++row) {
      std::fill(computed_.begin(), computed_.end(), false);
      plan_.rows.find(row, place);
      const std::int64_t length = plan_.points.count;
      for (int stage = 0; stage <= plan_.stages; ++stage) {
        for (const std::size_t t : plan_.row_terms[static_cast<std::size_t>(stage)]) {
          compute(t, plan_.rows, place, {}, 1);
          std::fill_n(buffer(t) + 1, std::min(block, length) - 1, *where_[t]);
          *buffer(t) = *where_[t];
          where_[t] = buffer(t);
        }
        const auto& terms = plan_.point_terms[static_cast<std::size_t>(stage)];
        const auto& reductions = plan_.reductions[static_cast<std::size_t>(stage)];
        const bool delivers = stage == plan_.stages && plan_.delivers_points;
        if (reductions.empty() && !delivers) continue;
        for (const std::size_t r : reductions) start(r, 8);
        for (std::int64_t begin = 0, n = 0; begin < length; begin += n) {
          plan_.points.find(begin, point);
          n = std::min(plan_.points.aligned(point, block), length - begin);
          if (length > n || begin > 0) clear_points(terms);
          if (delivers) aim(plan_.points, point, place, n);
          for (const std::size_t t : terms) {
            if (!computed_[t]) compute(t, plan_.points, point, place, n);
          }
          for (const std::size_t r : reductions) take_in(r, n);
          if (delivers) deliver(plan_.points, point, place, n, false);
        }
        for (const std::size_t r : reductions) finish_row(r);
      }
      deliver(plan_.rows, place, {}, 1, true);
    }
  }

  /// A block of rows at a time, lane by lane; point after point of the rows.
  void across_rows(std::int64_t first, std::int64_t last) {
    const bool whole = plan_.points.count == 1;  // a point is a row
    Place place, point;
    for (std::int64_t begin = first, n = 0; begin < last; begin += n) {
      std::fill(computed_.begin(), computed_.end(), false);
      plan_.rows.find(begin, place);
      n = std::min(plan_.rows.aligned(place, block), last - begin);
      if (whole) aim(plan_.rows, place, {}, n);
      for (int stage = 0; stage <= plan_.stages; ++stage) {
        for (const std::size_t t : plan_.row_terms[static_cast<std::size_t>(stage)]) {
          compute(t, plan_.rows, place, {}, n);
        }
        const auto& terms = plan_.point_terms[static_cast<std::size_t>(stage)];
        const auto& reductions = plan_.reductions[static_cast<std::size_t>(stage)];
        const bool delivers = stage == plan_.stages && plan_.delivers_points;
        if (reductions.empty() && !delivers) continue;
        for (const std::size_t r : reductions) start(r, n);
        for (std::int64_t k = 0; k < plan_.points.count; ++k) {
          plan_.points.find(k, point);
          if (!whole) clear_points(terms);
          if (!whole && delivers) aim(plan_.rows, place, point, n);
          for (const std::size_t t : terms) {
            if (!computed_[t]) compute(t, plan_.rows, place, point, n);
          }
          for (const std::size_t r : reductions) take_in_lanes(r, n);
          if (delivers) deliver(plan_.rows, place, point, n, false);
        }
        for (const std::size_t r : reductions) finish_lanes(r, n);
      }
      deliver(plan_.rows, place, {}, n, true);
    }
  }

 private:
  float* buffer(std::size_t term) { return buffers_.data() + term * block; }
  const float* argument(const Term& term, std::size_t i) {
    return term.arguments[i] < 0 ? nullptr : where_[static_cast<std::size_t>(term.arguments[i])];
  }
  void clear_points(const std::vector<std::size_t>& terms) {
    for (const std::size_t t : terms) computed_[t] = false;
  }

  /// Term t at n places of `axes` from `place` on; `other` is the place along the axes that stand still.
  void compute(std::size_t t, const Axes& axes, const Place& place, const Place& other, std::int64_t n) {
    const Term& term = formula_.terms[t];
    const auto count = static_cast<std::size_t>(n);
    computed_[t] = true;
    float* const y = destination_[t] != nullptr ? destination_[t] : buffer(t);
    where_[t] = y;
    switch (term.function) {
      case Function::operand: {
        const auto number = static_cast<std::size_t>(term.arguments[0]);
        if (plan_.fixed[t]) return read(operands_[number], 0, 0, count, y);
        const std::int64_t fixed = other.offset(number);
        std::int64_t done = 0;
        axes.for_each_run(place, number, n, [&](std::int64_t offset, std::int64_t stride, std::int64_t length) {
          const Source& source = operands_[number];
          if (length == n && stride == 1 && source.format == numerics::Format::fp32) {
            where_[t] = source.floats() + fixed + offset;
          } else {
            read(source, fixed + offset, stride, static_cast<std::size_t>(length), y + done);
          }
          done += length;
        });
        return;
      }
      case Function::constant:
        std::fill_n(y, n, static_cast<float>(term.value));
        return;
      case Function::coordinate:
        number_places(axes, place, other, plan_.coordinate_stream[t], n);
        for (std::size_t i = 0; i < count; ++i) y[i] = static_cast<float>(index_[i]);
        return;
      case Function::uniform:
        number_places(axes, place, other, plan_.index_stream, n);
        return draw(static_cast<std::uint32_t>(term.value), argument(term, 0), index_.data(), y, count);
      default:
        return apply(term.function, argument(term, 0), argument(term, 1), argument(term, 2), y, count);
    }
  }

  /// Lets terms that are results be computed where they are to be, if those places follow one another.
  void aim(const Axes& axes, const Place& place, const Place& other, std::int64_t n) {
    for (std::size_t i = 0; i < formula_.results.size(); ++i) {
      const auto term = static_cast<std::size_t>(formula_.results[i].term);
      if (formula_.results[i].per_row || plan_.fixed[term] || (plan_.per_row[term] && !plan_.across)) continue;
      destination_[term] = nullptr;
      if (results_[i].format != numerics::Format::fp32) continue;
      const std::int64_t fixed = other.offset(plan_.index_stream);
      axes.for_each_run(place, plan_.index_stream, n,
                        [&](std::int64_t offset, std::int64_t stride, std::int64_t length) {
                          if (length == n && stride == 1) destination_[term] = results_[i].floats() + fixed + offset;
                        });
    }
  }

  /// The offsets of n places in a stream, modulo 2^32.
  void number_places(const Axes& axes, const Place& place, const Place& other, std::size_t stream, std::int64_t n) {
    std::int64_t done = 0;
    const std::int64_t fixed = other.offset(stream);
    axes.for_each_run(place, stream, n, [&](std::int64_t offset, std::int64_t stride, std::int64_t length) {
      for (std::int64_t i = 0; i < length; ++i) {
        index_[static_cast<std::size_t>(done + i)] = static_cast<std::uint32_t>(fixed + offset + i * stride);
      }
      done += length;
    });
  }

  bool is_sum(std::size_t r) const { return formula_.terms[r].function == Function::row_sum; }

  void start(std::size_t r, std::int64_t lanes) {
    if (is_sum(r)) {
      sums_[r].assign(static_cast<std::size_t>(lanes), 0.0);
    } else {
      std::fill_n(buffer(r), lanes, -std::numeric_limits<float>::infinity());
    }
    where_[r] = buffer(r);
    computed_[r] = true;
  }
  void take_in(std::size_t r, std::int64_t n) {
    const float* const x = argument(formula_.terms[r], 0);
    if (is_sum(r)) return sum(x, static_cast<std::size_t>(n), sums_[r].data());
    largest(x, static_cast<std::size_t>(n), buffer(r));
  }
  void take_in_lanes(std::size_t r, std::int64_t n) {
    const float* const x = argument(formula_.terms[r], 0);
    if (is_sum(r)) return add_to(x, static_cast<std::size_t>(n), sums_[r].data());
    apply(Function::maximum, x, buffer(r), nullptr, buffer(r), static_cast<std::size_t>(n));
  }
  void finish_row(std::size_t r) {
    float* const y = buffer(r);
    if (is_sum(r)) {
      const std::vector<double>& s = sums_[r];
      *y = static_cast<float>(((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7])));
    } else {
      for (std::size_t lane = 1; lane < 8; ++lane) apply(Function::maximum, y + lane, y, nullptr, y, 1);
    }
    std::fill_n(y + 1, std::min(block, plan_.points.count) - 1, *y);
  }
  void finish_lanes(std::size_t r, std::int64_t n) {
    if (!is_sum(r)) return;
    for (std::int64_t i = 0; i < n; ++i) buffer(r)[i] = static_cast<float>(sums_[r][static_cast<std::size_t>(i)]);
  }

  /// Writes the results that are per row, or those that are per point.
  void deliver(const Axes& axes, const Place& place, const Place& other, std::int64_t n, bool per_row) {
    for (std::size_t i = 0; i < formula_.results.size(); ++i) {
      if (formula_.results[i].per_row != per_row) continue;
      const float* const x = where_[static_cast<std::size_t>(formula_.results[i].term)];
      const std::size_t stream = per_row ? plan_.row_stream : plan_.index_stream;
      const std::int64_t fixed = other.offset(stream);
      std::int64_t done = 0;
      axes.for_each_run(place, stream, n, [&](std::int64_t offset, std::int64_t stride, std::int64_t length) {
        if (x == results_[i].floats() + fixed + offset) return;  // computed there
        write(x + done, static_cast<std::size_t>(length), results_[i], fixed + offset, stride);
        done += length;
      });
      destination_[static_cast<std::size_t>(formula_.results[i].term)] = nullptr;
    }
  }

  const FormulaPlan& plan_;
  const Formula& formula_;
  std::span<const Source> operands_;
  std::span<const Target> results_;
  std::vector<float> buffers_;       ///< a block per term
  std::vector<const float*> where_;  ///< its values: the buffer, or the operand itself
  std::vector<float*> destination_;  ///< of a result: where it is to be, when that is in one piece
  std::vector<bool> computed_;       ///< for this block
  std::vector<std::vector<double>> sums_;
  std::vector<std::uint32_t> index_;
};

}  // namespace

void execute_formula(const Formula& formula, std::span<const Source> operands, std::span<const Target> results,
                     int threads) {
  const FormulaPlan plan(formula);
  // Small work is done before a thread has started.
  if (plan.rows.count * plan.points.count < (1 << 16)) threads = 1;
  const std::int64_t unit = plan.across ? block : 1;
  in_parallel((plan.rows.count + unit - 1) / unit, threads, [&](std::int64_t begin, std::int64_t end) {
    Worker worker(plan, operands, results);
    const std::int64_t last = std::min(end * unit, plan.rows.count);
    if (plan.across) {
      worker.across_rows(begin * unit, last);
    } else {
      worker.along_rows(begin, last);
    }
  });
}

}  // namespace triad::reference
