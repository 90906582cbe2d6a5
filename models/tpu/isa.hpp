#pragma once
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "models/kit/memory_map.hpp"
#include "models/tpu/parameters.hpp"
#include "sim/graph/op.hpp"

/// The TPU's instruction set: one instruction stream, dispatched in order to the queues of decoupled units. No SystemC
/// here.
namespace triad::tpu {

using numerics::Format;

/// A block in on-chip memory: `rows` rows of `columns` elements, `pitch` bytes apart.
struct Block {
  std::uint64_t address = 0;
  std::uint64_t rows = 0, columns = 0, pitch = 0;
  Format format = Format::fp32;
  std::uint64_t row_bytes() const { return columns * static_cast<std::uint64_t>(numerics::bytes_of(format)); }
  /// From the first to one past the last byte.
  std::uint64_t span() const { return rows == 0 ? 0 : (rows - 1) * pitch + row_bytes(); }
  /// The part that begins at (row, column).
  Block part(std::uint64_t row, std::uint64_t column, std::uint64_t n_rows, std::uint64_t n_columns) const {
    return {address + row * pitch + column * static_cast<std::uint64_t>(numerics::bytes_of(format)), n_rows, n_columns,
            pitch, format};
  }
};

/// dma_load, dma_store: a strided range of device memory to or from a block.
struct Transfer {
  kit::StepAddress memory;
  std::int64_t stride = 0;  ///< bytes from row to row in device memory
  Block block;
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

/// How the second operand of an element-wise instruction meets the first.
enum class Broadcast { none, row, scalar };

/// vpu: a function over blocks; README.md gives each function's operands, formula and cycles.
struct Vector {
  graph::OpKind function;
  std::vector<Block> inputs, outputs;
  Broadcast broadcast = Broadcast::none;
  bool accumulate = false;  ///< reductions: add to what the output holds
  float scale =
      1;  ///< scale: the factor. mse, cross_entropy: applied to the sum. *_grad: 1 / elements. sgd: learning rate
  float momentum = 0;  ///< sgd
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

struct Instruction {
  int unit;  ///< Parameters::load_unit() ...
  int op;    ///< of the graph
  std::vector<Wait> waits;
  std::variant<Transfer, LoadWeights, MatrixMultiply, Vector, Transpose> body;
};

std::string to_string(const Instruction& instruction, const Parameters& parameters);

}  // namespace triad::tpu
