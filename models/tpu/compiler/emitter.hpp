#pragma once
#include <memory>
#include <set>
#include <vector>

#include "models/tpu/compiler/dependences.hpp"
#include "models/tpu/compiler/residency.hpp"
#include "sim/device/job.hpp"

namespace triad::tpu {

/// A rectangle of a tensor that is looked at as a matrix.
struct Tile {
  std::uint64_t row = 0, column = 0, rows = 0, columns = 0;
  bool operator==(const Tile&) const = default;
};

/// Appends instructions to a program: finds their waits, moves tiles of tensors on and off the chip, hands out staging
/// buffers.
class Emitter {
 public:
  Emitter(const Parameters& parameters, const device::Job& job);

  /// Begins an op: all staging memory is free again (dependences order its reuse).
  void begin(int op);
  void emit(int unit, std::variant<Transfer, LoadWeights, MatrixMultiply, Vector, Transpose> body);

  bool resident(graph::TensorId tensor) const { return residency_.address(map_.storage(tensor)).has_value(); }
  const graph::Tensor& tensor(graph::TensorId id) const { return job_.graph.tensor(id); }
  const Parameters& parameters() const { return parameters_; }
  const device::Job& job() const { return job_; }
  /// Bytes of staging memory of an op.
  std::uint64_t staging_bytes() const { return parameters_.vmem.bytes - staging_base_; }
  /// A staging buffer for the current op.
  std::uint64_t reserve(std::uint64_t bytes);

  /// Brings a resident tensor on chip at its first use in the step; returns it as a matrix of `columns` columns.
  Block resident_block(graph::TensorId tensor, std::uint64_t columns);
  void load(graph::TensorId tensor, std::uint64_t columns, const Tile& tile, const Block& to);
  void store(graph::TensorId tensor, std::uint64_t columns, const Tile& tile, const Block& from);
  /// Must a value of this tensor reach device memory: it is streamed, it persists, or it is the loss.
  bool leaves_chip(graph::TensorId tensor) const;
  /// The op has written the resident tensor: it need not be loaded.
  void mark_on_chip(graph::TensorId tensor) { on_chip_.insert(map_.storage(tensor)); }

  std::vector<Instruction> take_code() { return std::move(code_); }
  const kit::MemoryMap& map() const { return map_; }

 private:
  const Parameters& parameters_;
  const device::Job& job_;
  kit::MemoryMap map_;
  std::uint64_t staging_base_;
  Residency residency_;
  Dependences dependences_;
  std::vector<Instruction> code_;
  std::set<graph::TensorId> on_chip_;
  int op_ = -1;
  std::uint64_t reserved_ = 0;
};

/// A tensor that an op reads, as a matrix of `columns` columns: tiles come from on-chip memory, or through two staging
/// buffers (so that the next tile is loaded while this one is used), or, transposed, through the transpose unit.
class Source {
 public:
  Source(Emitter& emitter, graph::TensorId tensor, std::uint64_t columns, bool transposed, std::uint64_t tile_elements);
  /// The tile of the (transposed) matrix.
  Block fetch(const Tile& tile);
  /// Staging bytes per element of a tile.
  static std::uint64_t staging(const Emitter& emitter, graph::TensorId tensor, bool transposed);

 private:
  struct Slot {
    std::uint64_t address = 0;
    Tile tile;
    bool full = false;
  };
  /// The slot that holds the tile, or the one to be filled (`full` false).
  static Slot& find(Slot (&slots)[2], int& next, const Tile& tile);
  Block stored(const Tile& tile);

  Emitter& emitter_;
  graph::TensorId tensor_;
  std::uint64_t columns_;
  bool transposed_;
  Slot loaded_[2], turned_[2];
  int next_loaded_ = 0, next_turned_ = 0;
};

/// A tensor that an op writes, as a matrix of `columns` columns.
class Sink {
 public:
  Sink(Emitter& emitter, graph::TensorId tensor, std::uint64_t columns, std::uint64_t tile_elements);
  /// Where to put a tile.
  Block open(const Tile& tile);
  /// The tile is complete: stores it when the tensor leaves the chip.
  void close(const Tile& tile, const Block& block);
  static std::uint64_t staging(const Emitter& emitter, graph::TensorId tensor);

 private:
  Emitter& emitter_;
  graph::TensorId tensor_;
  std::uint64_t columns_;
  std::uint64_t slots_[2] = {0, 0};
  int next_ = 0;
};

}  // namespace triad::tpu
