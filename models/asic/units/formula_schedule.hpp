#pragma once
#include <vector>

#include "models/asic/geometry.hpp"
#include "models/asic/parameters.hpp"

namespace triad::asic {

/// How an engine works through a microprogram: which operands it keeps, in which blocks of rows and in which passes
/// over them. A block is a number of rows side by side along one axis, all of their points; it is passed over once for
/// every stage of row reductions (graph::Formula::stages), and once more for the results.
///
/// Where the innermost axis is reduced, the lanes lie along a row: element i of a row is added to chain i mod (lanes *
/// accumulate_cycles), and the chains by numerics::lane_sum's tree. Otherwise they lie across rows, and every row is
/// one chain.
struct FormulaSchedule {
  /// Where an operand's values come from.
  enum class Source {
    product,   ///< the delivery buffer
    resident,  ///< it repeats and is small: read once a layer, kept in the operand RAM
    row,       ///< one value per row: read once a block
    streamed,  ///< read with every chunk
  };
  struct Pass {
    std::vector<int> point_terms;  ///< computed for every point, in order
    std::vector<int> row_terms;    ///< computed for every row before, in order
    std::vector<int> sums;         ///< reductions that take these values in
    bool results = false;          ///< delivers results of points
    bool reads = false;            ///< streams its operands from memory (the first pass; every one without a cache)
    std::vector<bool> operands;    ///< by operand: streamed ones that it needs
    std::int64_t arithmetic = 0, special = 0;             ///< functions of a point
    std::int64_t row_arithmetic = 0, row_special = 0;     ///< of a row
    std::int64_t adds = 0, multiplies = 0, compares = 0;  ///< of a point, for energy
    bool points() const { return results || !sums.empty(); }
  };

  /// `flying`: operand 0 is the product.
  FormulaSchedule(const isa::Descriptor& descriptor, const Parameters::Stream& engine, bool flying);
  FormulaSchedule() = default;

  graph::Formula formula;
  std::vector<int> stage;     ///< by term
  std::vector<bool> per_row;  ///< by term: one value per row
  std::vector<Source> sources;
  bool reduces = false;      ///< there are rows
  bool across_rows = false;  ///< lanes lie across rows
  int chains = 1;            ///< partial sums of a row
  int strip_axis = -1;       ///< rows of a block lie along it; -1: one row
  std::int64_t strip = 1;    ///< rows of a block
  bool cached = true;        ///< a block's operands stay in the operand RAM from pass to pass
  bool row_results = false;  ///< some results have one value per row
  std::vector<Pass> passes;
  std::int64_t resident_bytes = 0;
  std::int64_t row_words = 0;  ///< values that a row keeps

  /// Cycles of the first stage for a chunk of a pass.
  std::int64_t cycles(const Pass& pass, const Box& chunk, const Parameters::Stream& engine) const;
  /// Cycles for the terms of `rows` rows.
  std::int64_t row_cycles(const Pass& pass, std::int64_t rows, const Parameters::Stream& engine) const;
  /// Cycles from the last value of a row to its sum.
  std::int64_t tree_cycles(const Parameters::Stream& engine) const;

 private:
  void choose_sources(const isa::Descriptor& descriptor, const Parameters::Stream& engine, bool flying);
  void make_passes();
  void choose_blocks(const Parameters::Stream& engine);
  std::int64_t words_per_point() const;
};

/// Cost of a function in functions of a lane, or in passes of a special lane.
int arithmetic_cost(graph::Function function);
int special_cost(graph::Function function);
bool is_reduction(graph::Function function);

/// Bytes of operand RAM that a layer needs at the least: repeated operands count only where kept by choice.
std::int64_t least_operand_bytes(const FormulaSchedule& schedule);

}  // namespace triad::asic
