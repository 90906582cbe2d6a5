#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "models/kit/memory_map.hpp"
#include "models/kit/range.hpp"
#include "models/tpu/parameters.hpp"
#include "sim/graph/formula.hpp"
#include "sim/graph/op.hpp"

/// The TPU's instruction set: one instruction stream, dispatched in order to the queues of decoupled units. No SystemC
/// here.
namespace triad::tpu {

using numerics::Format;

/// How an address generator walks through on-chip memory where a block is not rows at a pitch: the number of a row and
/// that of a column are split into digits (the last one runs fastest), each with a stride in bytes. So the windows of a
/// convolution are read from a plain tile: row (channel, r, s), column (image, p, q).
struct Pattern {
  struct Digit {
    std::uint64_t extent;
    std::int64_t stride;
  };
  std::vector<Digit> rows, columns;
  /// The tile that it walks through, when all of it counts as touched (windows overlap); 0 bytes: each block touches
  /// its elements.
  std::uint64_t begin = 0, bytes = 0;
};

/// A block in on-chip memory: `rows` rows of `columns` elements, `pitch` bytes apart, or placed by a pattern.
struct Block {
  std::uint64_t address = 0;
  std::uint64_t rows = 0, columns = 0, pitch = 0;
  Format format = Format::fp32;
  std::shared_ptr<const Pattern> pattern = nullptr;
  std::uint64_t first_row = 0, first_column = 0;  ///< of a pattern

  std::uint64_t element_bytes() const { return static_cast<std::uint64_t>(numerics::bytes_of(format)); }
  std::uint64_t row_bytes() const { return columns * element_bytes(); }
  /// The part that begins at (row, column).
  Block part(std::uint64_t row, std::uint64_t column, std::uint64_t n_rows, std::uint64_t n_columns) const;
  /// Byte offsets from `address` of each row's begin, and from a row's begin of each column.
  std::vector<std::int64_t> row_offsets() const;
  std::vector<std::int64_t> column_offsets() const;
  /// What it touches.
  std::vector<kit::Range> ranges() const;
};

/// One level of a strided copy: `count` steps, bytes on each side.
struct Loop {
  std::uint64_t count;
  std::int64_t memory, chip;
};

/// dma_load, dma_store: strided runs between device memory and on-chip memory. A load may first clear a range of
/// on-chip memory, the padding around what it brings.
struct Transfer {
  kit::StepAddress memory;
  std::uint64_t address = 0;  ///< on chip
  std::uint64_t bytes = 0;    ///< of a run, contiguous on both sides
  std::vector<Loop> loops;    ///< outermost first
  std::uint64_t clear_begin = 0, clear_bytes = 0;

  std::uint64_t total_bytes() const;
  /// Ranges of on-chip memory: of everything that is moved or cleared.
  std::vector<kit::Range> chip_ranges() const;
};

/// dma_load: rows of a table in device memory, by the int32 numbers in `indices` (a column), to the rows of `to`.
struct Gather {
  kit::StepAddress table;        ///< of the part of row 0 that is wanted
  std::uint64_t table_rows = 0;  ///< an index beyond is a fault
  std::uint64_t table_pitch = 0;
  Block indices, to;
};

/// mxuN_weights: a block of at most R x C into the next weight tile, the rest of the tile is zero. fp32 elements are
/// split at the port: bf16 part `part` is loaded.
struct LoadWeights {
  Block weights;
  int part = 0;
};

/// mxuN: the rows of a block of at most R columns through the array, with the next weight tile (`swap`) or the one in
/// place. Their results go to `result` (fp32): added to what is there (`accumulate`) or in its place.
struct MatrixMultiply {
  Block rows;
  int part = 0;
  Block result;
  bool accumulate = false;
  bool swap = true;
  bool completes = true;  ///< the last pass of its products: only its MACs are work of the algorithm
};

/// Where the elements of a box of a space lie on chip: bytes from one index to the next, by axis.
struct Place {
  std::uint64_t address = 0;
  std::vector<std::int64_t> strides;
  Format format = Format::fp32;
};

/// vpu: a formula over a box of its space. README.md gives each function's operations and the order of sums.
struct Vector {
  enum class Mode { write, add, maximum };  ///< what happens to what the result's place holds
  std::shared_ptr<const graph::Formula> formula;
  graph::Shape origin, extents;  ///< the box
  std::vector<Place> operands;   ///< by operand of the formula
  struct Result {
    Place place;
    Mode mode = Mode::write;
  };
  std::vector<Result> results;  ///< by result of the formula
};

/// Whole planes of [planes, height, width], or rows `first` .. `first + rows` of each.
struct Planes {
  std::uint64_t address = 0, pitch = 0;  ///< bytes from plane to plane
  std::int64_t first = 0, rows = 0, width = 0;
};

/// vpu: pooling (op.hpp: max_pool, average_pool) or its gradient over rows of planes, fp32.
struct Window {
  graph::OpKind kind{};
  std::int64_t kernel[2] = {}, stride[2] = {}, padding[2] = {};
  bool include_padding = true;
  std::int64_t planes = 0;
  std::int64_t height = 0, width = 0;                ///< of the larger side: x or dx
  std::int64_t pooled_height = 0, pooled_width = 0;  ///< of the smaller side: y or dy
  std::vector<Planes> inputs, outputs;
};

/// vpu: rows of `from` are added, in order, to those rows of `to` that `indices` names; row 0 of `to` has number
/// `first_row`, rows elsewhere are passed over. `clear`: `to` is zero before. A number not below `rows` is a fault.
struct ScatterAdd {
  Block from, indices, to;
  std::uint64_t first_row = 0, rows = 0;
  bool clear = false;
};

/// transpose: columns become rows.
struct Transpose {
  Block from, to;
};

/// An instruction waits until unit `unit` has completed `count` instructions of this step.
struct Wait {
  int unit;
  std::uint64_t count;
};

using Body = std::variant<Transfer, Gather, LoadWeights, MatrixMultiply, Vector, Window, ScatterAdd, Transpose>;

struct Instruction {
  int unit;  ///< Parameters::load_unit() ...
  int op;    ///< of the executed graph
  std::vector<Wait> waits;
  Body body;
};

/// Ranges of on-chip memory that a box takes.
std::vector<kit::Range> ranges(const Place& place, const graph::Shape& extents);

std::string to_string(const Instruction& instruction, const Parameters& parameters);

}  // namespace triad::tpu
