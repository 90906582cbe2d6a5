#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>

#include "models/tpu/compiler/lower.hpp"
#include "sim/device/device.hpp"

namespace triad::tpu {

using graph::Formula;
using graph::Function;
using graph::Shape;
using graph::Term;

namespace {

/// The result's strides over the space of its formula, in elements: dense over the space, or over the rows.
std::vector<std::int64_t> result_strides(const Formula& formula, bool per_row) {
  std::vector<std::int64_t> strides(formula.space.size(), 0);
  std::int64_t stride = 1;
  for (std::size_t axis = strides.size(); axis-- > 0;) {
    if (per_row && formula.reduced[axis]) continue;
    strides[axis] = stride;
    stride *= formula.space[axis];
  }
  return strides;
}

/// A box of a tensor that is read or written with these strides.
Region region_of(const std::vector<std::int64_t>& strides, const Shape& origin, const Shape& extents) {
  Region region;
  for (std::size_t axis = 0; axis < strides.size(); ++axis) {
    region.offset += origin[axis] * strides[axis];
    region.axes.push_back({extents[axis], strides[axis]});
  }
  return region;
}

std::uint64_t packed(const std::vector<std::int64_t>& strides, const Shape& extents) {
  return region_of(strides, Shape(extents.size(), 0), extents).packed_elements();
}

std::uint64_t rows_of(const Formula& formula, const Shape& extents) {
  std::uint64_t rows = 1;
  for (std::size_t axis = 0; axis < extents.size(); ++axis) {
    if (!formula.reduced[axis]) rows *= static_cast<std::uint64_t>(extents[axis]);
  }
  return rows;
}

std::int64_t halved(std::int64_t extent) {
  return (extent + 1) / 2;
}

/// Lowers one formula op.
class FormulaLowering {
 public:
  FormulaLowering(Emitter& emitter, const graph::Op& op)
      : emitter_(emitter), op_(op), formula_(graph::formula_of(emitter.plan().graph, op)) {
    for (const Formula::Result& result : formula_.results) {
      results_.push_back(result_strides(formula_, result.per_row));
    }
    stages_ = formula_.stages();
  }

  void lower() {
    choose();
    for (std::size_t i = 0; i < op_.inputs.size(); ++i) {
      inputs_.emplace_back(emitter_, op_.inputs[i], packed(formula_.strides[i], tile_));
    }
    for (std::size_t i = 0; i < op_.outputs.size(); ++i) {
      outputs_.emplace_back(emitter_, op_.outputs[i], packed(results_[i], tile_));
    }
    if (!whole_rows_) reserve_partial_sums();
    if (emitter_.planning()) return;
    if (!whole_rows_) {
      for_boxes(false, [&](const Shape& origin, const Shape& extents) { passes(origin, extents); });
      return;
    }
    std::vector<std::size_t> all(outputs_.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    const Piece piece = cut(terms_of(all), 0, false);
    for_boxes(false, [&](const Shape& origin, const Shape& extents) { deliver(piece, all, origin, extents); });
  }

 private:
  /// A part of the formula, with only the operands that it reads.
  struct Piece {
    std::shared_ptr<Formula> formula;
    struct Operand {
      bool partial;  ///< a sum over rows that is complete
      int number;    ///< input of the op, or term of the sum
    };
    std::vector<Operand> operands;
  };

  std::uint64_t bytes(const Shape& extents) const {
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < op_.inputs.size(); ++i) {
      total += Input::staging(emitter_, op_.inputs[i], packed(formula_.strides[i], extents));
    }
    for (std::size_t i = 0; i < op_.outputs.size(); ++i) {
      total += Output::staging(emitter_, op_.outputs[i], packed(results_[i], extents));
    }
    return total + partial_bytes(extents);
  }
  std::uint64_t partial_bytes(const Shape& extents) const {
    std::uint64_t total = 0;
    if (splits_rows(extents)) {
      for (const Term& term : formula_.terms) {
        if (reduces(term)) total += aligned(4 * rows_of(formula_, extents));
      }
    }
    return total;
  }
  bool splits_rows(const Shape& extents) const {
    for (std::size_t axis = 0; axis < extents.size(); ++axis) {
      if (formula_.reduced[axis] && extents[axis] < formula_.space[axis]) return true;
    }
    return false;
  }
  static bool reduces(const Term& term) {
    return term.function == Function::row_sum || term.function == Function::row_maximum;
  }

  /// The largest box that the staging buffers hold twice. First axes that are not reduced are halved, the outermost
  /// first, but the last one only down to `narrow`; then rows are split.
  void choose() {
    constexpr std::int64_t narrow = 128;
    constexpr std::uint64_t small = 64 * 1024;  // bytes: not worth a pipeline of several tiles
    const std::uint64_t hard = emitter_.staging_bytes();
    tile_ = formula_.space;
    // A quarter of the whole at most, so that loads, lanes and stores of different tiles overlap.
    const std::uint64_t soft = std::min(hard, std::max(small, bytes(tile_) / 4));
    const std::size_t last = tile_.size() - 1;
    const auto shrink = [&](bool reduced, std::size_t end, std::int64_t least, std::uint64_t room) {
      for (std::size_t axis = 0; axis < end; ++axis) {
        if (formula_.reduced[axis] != reduced) continue;
        while (tile_[axis] > least && bytes(tile_) > room) tile_[axis] = halved(tile_[axis]);
      }
    };
    shrink(false, last, 1, soft);
    shrink(false, last + 1, narrow, soft);
    shrink(true, last + 1, 1, hard);
    shrink(false, last + 1, 1, hard);
    if (bytes(tile_) > hard) {
      throw device::Unsupported(
          fmt::format("{}: one element of each of {} operands and {} results takes more than the "
                      "{} bytes of staging memory (vmem.size)",
                      op_.name, op_.inputs.size(), op_.outputs.size(), hard));
    }
    whole_rows_ = !splits_rows(tile_);
  }

  /// Visits the boxes of rows (`within` false: rows whole) or, within the rows of the current box, along the rows.
  template <class Visit>
  void for_boxes(bool within, Visit visit) {
    Shape space = formula_.space, tile = tile_, base(space.size(), 0);
    for (std::size_t axis = 0; axis < space.size(); ++axis) {
      if (formula_.reduced[axis] == within) continue;
      if (within) {
        space[axis] = row_extents_[axis];
        base[axis] = row_origin_[axis];
      }
      tile[axis] = space[axis];
    }
    triad::tpu::for_boxes(space, tile, [&](const Shape& origin, const Shape& extents) {
      Shape at = origin;
      for (std::size_t axis = 0; axis < at.size(); ++axis) at[axis] += base[axis];
      visit(at, extents);
    });
  }

  /// The part that computes `wanted` terms; reductions up to stage `complete` become operands. `by_row`: one point of
  /// each row.
  Piece cut(const std::vector<Formula::Result>& wanted, int complete, bool by_row) const {
    Piece piece{std::make_shared<Formula>(), {}};
    Formula& made = *piece.formula;
    made.space = formula_.space;
    made.reduced = formula_.reduced;
    for (std::size_t axis = 0; by_row && axis < made.space.size(); ++axis) {
      if (made.reduced[axis]) made.space[axis] = 1;
    }
    const auto operand = [&](bool partial, int number, std::vector<std::int64_t> strides) {
      piece.operands.push_back({partial, number});
      made.strides.push_back(std::move(strides));
      return Term{Function::operand, {static_cast<int>(made.strides.size()) - 1, -1, -1}};
    };
    std::map<int, int> copied;
    const std::function<int(int)> copy = [&](int number) -> int {
      if (const auto found = copied.find(number); found != copied.end()) return found->second;
      Term term = formula_.terms[static_cast<std::size_t>(number)];
      if (reduces(term) && stages_[static_cast<std::size_t>(number)] <= complete) {
        // Of the strides only whether they are 0 matters: on chip the sums have strides of their own.
        std::vector<std::int64_t> strides(made.space.size());
        for (std::size_t axis = 0; axis < strides.size(); ++axis) strides[axis] = made.reduced[axis] ? 0 : 1;
        term = operand(true, number, strides);
      } else if (term.function == Function::operand) {
        term = operand(false, term.arguments[0], formula_.strides[static_cast<std::size_t>(term.arguments[0])]);
      } else {
        for (int i = 0; i < graph::arity(term.function); ++i) {
          auto& argument = term.arguments[static_cast<std::size_t>(i)];
          argument = copy(argument);
        }
      }
      made.terms.push_back(term);
      return copied[number] = static_cast<int>(made.terms.size()) - 1;
    };
    for (const Formula::Result& result : wanted) {
      const int term = copy(result.term);
      made.results.push_back({term, result.per_row});
    }
    return piece;
  }

  std::vector<Formula::Result> terms_of(const std::vector<std::size_t>& results) const {
    std::vector<Formula::Result> terms;
    for (const std::size_t i : results) terms.push_back(formula_.results[i]);
    return terms;
  }

  Vector instruction(const Piece& piece, const Shape& origin, const Shape& extents) {
    Vector v{piece.formula, origin, extents, {}, {}};
    for (std::size_t i = 0; i < piece.operands.size(); ++i) {
      const auto [partial, number] = piece.operands[i];
      v.operands.push_back(partial ? partial_place(number)
                                   : inputs_[static_cast<std::size_t>(number)].fetch(
                                         region_of(piece.formula->strides[i], origin, extents)));
    }
    return v;
  }

  /// Results of the op over a box.
  void deliver(const Piece& piece, const std::vector<std::size_t>& results, const Shape& origin, const Shape& extents) {
    Vector v = instruction(piece, origin, extents);
    for (const std::size_t i : results) {
      v.results.push_back({outputs_[i].open(region_of(results_[i], origin, extents)), Vector::Mode::write});
    }
    emitter_.emit(emitter_.parameters().vector_unit(), std::move(v));
    for (const std::size_t i : results) outputs_[i].close();
  }

  // Rows that do not fit.

  void reserve_partial_sums() {
    for (std::size_t t = 0; t < formula_.terms.size(); ++t) {
      if (reduces(formula_.terms[t])) {
        partials_[static_cast<int>(t)] = emitter_.reserve(4 * rows_of(formula_, tile_));
      }
    }
  }
  Place partial_place(int term) const {
    Region region;
    for (std::size_t axis = 0; axis < row_extents_.size(); ++axis) {
      region.axes.push_back({row_extents_[axis], formula_.reduced[axis] ? 0 : 1});
    }
    return region.packed(partials_.at(term), Format::fp32);
  }

  /// All passes over the rows of one box: a stage each, then the results.
  void passes(const Shape& origin, const Shape& extents) {
    row_origin_ = origin;
    row_extents_ = extents;
    std::vector<std::size_t> by_element, by_row;
    int last = 0;
    for (std::size_t i = 0; i < formula_.results.size(); ++i) {
      (formula_.results[i].per_row ? by_row : by_element).push_back(i);
      last = std::max(last, stages_[static_cast<std::size_t>(formula_.results[i].term)]);
    }
    for (int stage = 1; stage <= last; ++stage) {
      std::vector<Formula::Result> sums;
      for (std::size_t t = 0; t < formula_.terms.size(); ++t) {
        if (reduces(formula_.terms[t]) && stages_[t] == stage) sums.push_back({static_cast<int>(t), true});
      }
      const Piece piece = cut(sums, stage - 1, false);
      bool first = true;
      for_boxes(true, [&](const Shape& at, const Shape& size) {
        Vector v = instruction(piece, at, size);
        for (const Formula::Result& sum : sums) {
          const bool adds = formula_.terms[static_cast<std::size_t>(sum.term)].function == Function::row_sum;
          const auto mode = first ? Vector::Mode::write : adds ? Vector::Mode::add : Vector::Mode::maximum;
          v.results.push_back({partial_place(sum.term), mode});
        }
        emitter_.emit(emitter_.parameters().vector_unit(), std::move(v));
        first = false;
      });
    }
    if (!by_element.empty()) {
      const Piece piece = cut(terms_of(by_element), last, false);
      for_boxes(true, [&](const Shape& at, const Shape& size) { deliver(piece, by_element, at, size); });
    }
    if (!by_row.empty()) {
      Shape one = extents;
      for (std::size_t axis = 0; axis < one.size(); ++axis) one[axis] = formula_.reduced[axis] ? 1 : one[axis];
      deliver(cut(terms_of(by_row), last, true), by_row, origin, one);
    }
  }

  Emitter& emitter_;
  const graph::Op& op_;
  Formula formula_;
  std::vector<int> stages_;
  std::vector<std::vector<std::int64_t>> results_;  ///< strides
  Shape tile_;
  bool whole_rows_ = true;
  std::vector<Input> inputs_;
  std::vector<Output> outputs_;
  std::map<int, std::uint64_t> partials_;  ///< by term: where its sum is kept
  Shape row_origin_, row_extents_;         ///< of the rows that are passed over
};

}  // namespace

void lower_formula(Emitter& emitter, const graph::Op& op) {
  FormulaLowering(emitter, op).lower();
}

}  // namespace triad::tpu
