#pragma once
#include <vector>

#include "models/asic/units/formula_schedule.hpp"
#include "models/asic/units/mac_array.hpp"
#include "models/asic/units/stream_engine.hpp"

namespace triad::asic {

/// The values of a microprogram, term by term: plain fp32 operations, each rounded to nearest even, subnormals kept;
/// exponential to error_function as sim/numerics states them; the canonical NaN delivered. Reductions in the order of
/// FormulaSchedule.
class Evaluation {
 public:
  Evaluation() = default;
  /// Both outlive it.
  Evaluation(const FormulaSchedule& schedule, const Layer& layer);

  /// An operand that stays for the layer.
  void resident(std::size_t operand, const Bytes& bytes);
  /// A new block: its rows begin.
  void begin_block(const Box& block);
  /// The block's values of an operand that has one per row.
  void row_operand(std::size_t operand, const Bytes& bytes);
  /// Before the first chunk of a pass: sums of the stage are complete, terms of rows follow from them.
  void begin_pass(std::size_t pass);
  /// A chunk of a pass: takes sums in; the bytes of each result of points, rows_of_box by rows_of_box. `operands`: what
  /// was read; empty where the block's operands stay (`ordinal` says which chunk). `product`: of a flying layer.
  std::vector<Bytes> points(std::size_t pass, const Box& chunk, std::size_t ordinal, const std::vector<Bytes>& operands,
                            const Delivery* product);
  /// The bytes of a result with one value per row.
  Bytes row_result(std::size_t result) const;

 private:
  using Values = std::vector<float>;
  void expand(const Box& chunk, const Index& strides, std::int64_t origin, const Values& from, Values& to) const;
  void fetch(int operand, const Box& chunk, std::size_t ordinal, const Delivery* product, Values& to) const;
  void product(const Box& chunk, const Delivery& delivery, Values& to) const;
  void coordinates(int axis, const Box& chunk, Values& to) const;
  void apply(const graph::Term& term, std::size_t points, Values& to) const;
  void uniform(const graph::Term& term, const Box& chunk, Values& to) const;
  void take(int term, const Values& values);
  Bytes encode(const Values& values, std::size_t result, const Box& chunk) const;
  const Values& value_of(int term) const { return values_[static_cast<std::size_t>(term)]; }

  const FormulaSchedule* schedule_ = nullptr;
  const isa::Descriptor* descriptor_ = nullptr;
  std::vector<Values> resident_;             ///< by operand
  std::vector<std::vector<Values>> cached_;  ///< by chunk of the block and operand
  std::vector<Values> rows_;                 ///< by term: one per row of the block
  std::vector<Values> sums_;                 ///< by term: rows x chains
  std::vector<Values> values_;               ///< by term: of the chunk
  std::vector<std::size_t> row_, place_;     ///< by point of the chunk: its row in the block, its number in the row
  Box block_;
};

}  // namespace triad::asic
