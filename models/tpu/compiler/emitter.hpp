#pragma once
#include <set>
#include <vector>

#include "models/tpu/compiler/dependences.hpp"
#include "models/tpu/compiler/residency.hpp"

namespace triad::tpu {

/// Everything about a program but its instructions: what a compiler works from.
struct Plan {
  Parameters parameters;
  graph::Graph graph;  ///< as executed
  kit::MemoryMap map;
  Residency residency;
  std::uint64_t staging_base;  ///< resident tensors below, staging buffers from here on
};

/// A strided box of a tensor, in elements of the tensor's dense storage.
struct Region {
  struct Axis {
    std::int64_t extent, stride;  ///< stride 0: the elements repeat
    bool operator==(const Axis&) const = default;
  };
  std::int64_t offset = 0;
  std::vector<Axis> axes;
  bool operator==(const Region&) const = default;

  graph::Shape extents() const;
  /// Elements without what repeats: what a packed copy of it takes.
  std::uint64_t packed_elements() const;
  /// Its place as a packed copy at an address: row-major over the axes that do not repeat.
  Place packed(std::uint64_t address, Format format) const;
};

/// Rows [row, row + rows) and columns of a dense matrix of `width` columns that begins `offset` elements into a tensor.
Region matrix_region(std::uint64_t offset, std::uint64_t width, std::uint64_t row, std::uint64_t column,
                     std::uint64_t rows, std::uint64_t columns);
/// The place of a matrix region as a block.
Block matrix_block(const Place& place, std::uint64_t rows, std::uint64_t columns);

/// Appends instructions to a program: finds their waits, moves regions of tensors on and off the chip, hands out
/// staging buffers.
class Emitter {
 public:
  /// `planning`: nothing is emitted, what cannot be lowered is found.
  Emitter(const Plan& plan, bool planning);
  bool planning() const { return planning_; }

  /// Begins an op: all staging memory is free again (dependences order its reuse).
  void begin(int op);
  /// From here on writes wait for what the op has written so far.
  void begin_part() { ++group_; }
  /// The op's staging buffers so far are done with.
  void begin_buffers() { reserved_ = 0; }
  void emit(int unit, Body body);
  using Accesses = std::vector<Dependences::Access>;
  /// As `emit`, for an instruction on parts of larger blocks that are waited for as a whole.
  void emit(int unit, Body body, const Accesses& accesses);
  static Dependences::Access access(const Block& block, bool write);

  bool resident(graph::TensorId tensor) const { return plan_.residency.address(plan_.map.storage(tensor)).has_value(); }
  const graph::Tensor& tensor(graph::TensorId id) const { return plan_.graph.tensor(id); }
  std::uint64_t element_bytes(graph::TensorId id) const {
    return static_cast<std::uint64_t>(numerics::bytes_of(tensor(id).format));
  }
  const Parameters& parameters() const { return plan_.parameters; }
  const Plan& plan() const { return plan_; }
  const graph::Op& op() const { return plan_.graph.ops[static_cast<std::size_t>(op_)]; }
  /// Bytes of staging memory that are left to the op.
  std::uint64_t staging_bytes() const { return plan_.parameters.vmem.bytes - plan_.staging_base - reserved_; }
  /// A staging buffer for the current op. Throws device::Unsupported when there is no room.
  std::uint64_t reserve(std::uint64_t bytes);

  /// A product of so many shares begins: with the matrix unit behind the last share of the one before.
  void next_matrix_unit(std::uint64_t shares) {
    first_matrix_unit_ = (first_matrix_unit_ + shares_) % static_cast<std::uint64_t>(parameters().mxu.count);
    shares_ = shares;
  }
  std::uint64_t first_matrix_unit() const { return first_matrix_unit_; }

  /// The place on chip of a region of a resident tensor, which is brought there at its first use in the step.
  Place resident_place(graph::TensorId tensor, const Region& region);
  /// Moves a region to or from a place; a load may clear bytes of on-chip memory first.
  void load(graph::TensorId tensor, const Region& region, const Place& to, std::uint64_t clear_begin = 0,
            std::uint64_t clear_bytes = 0);
  void store(graph::TensorId tensor, const Region& region, const Place& from);
  /// Must a value of this tensor reach device memory: it is streamed, it persists, it is the loss or a result.
  bool leaves_chip(graph::TensorId tensor) const;
  /// The op writes the resident tensor: it need not be loaded.
  void mark_on_chip(graph::TensorId tensor) { on_chip_.insert(plan_.map.storage(tensor)); }
  kit::StepAddress location(graph::TensorId tensor, std::int64_t element) const;

  std::vector<Instruction> take_code() { return std::exchange(code_, {}); }

 private:
  Transfer transfer(graph::TensorId tensor, const Region& region, const Place& place) const;

  const Plan& plan_;
  bool planning_;
  std::vector<bool> leaves_;  ///< by storage: persists, is the loss or a result
  Dependences dependences_;
  std::vector<Instruction> code_;
  std::set<graph::TensorId> on_chip_;
  int op_ = -1, group_ = 0;
  std::uint64_t reserved_ = 0;
  std::uint64_t first_matrix_unit_ = 0, shares_ = 0;
};

inline constexpr int buffers = 2;  ///< of a stream: the next tile is loaded while this one is used

/// A tensor that an op reads: its regions are on chip already, or come through staging buffers.
class Input {
 public:
  /// `elements`: of the largest region, packed.
  Input(Emitter& emitter, graph::TensorId tensor, std::uint64_t elements);
  Place fetch(const Region& region);
  static std::uint64_t staging(const Emitter& emitter, graph::TensorId tensor, std::uint64_t elements);

 private:
  struct Slot {
    std::uint64_t address = 0;
    Region region;
    bool full = false;
  };
  Emitter* emitter_;
  graph::TensorId tensor_;
  Slot slots_[buffers];
  int next_ = 0;
};

/// A tensor that an op writes.
class Output {
 public:
  Output(Emitter& emitter, graph::TensorId tensor, std::uint64_t elements);
  /// Where to put a region.
  Place open(const Region& region);
  /// The region that was opened last is complete: it is stored when the tensor leaves the chip.
  void close();
  static std::uint64_t staging(const Emitter& emitter, graph::TensorId tensor, std::uint64_t elements);

 private:
  Emitter* emitter_;
  graph::TensorId tensor_;
  std::uint64_t slots_[buffers] = {};
  int next_ = 0;
  Region region_;
  Place place_;
};

/// Bytes of a buffer, with its alignment.
std::uint64_t aligned(std::uint64_t bytes);

}  // namespace triad::tpu
