#include "models/tpu/compiler/emitter.hpp"

#include "sim/device/device.hpp"

namespace triad::tpu {

using graph::TensorId;
using Access = Dependences::Access;
using Space = Dependences::Space;

namespace {

Access of(const Block& block, bool write) {
  return {Space::vmem, block.address, block.address + block.span(), write};
}

/// What an instruction touches. A matrix unit's own accumulation is no read: its results are added in order.
struct Accesses {
  const Parameters& parameters;
  int unit;
  std::vector<Access> operator()(const Transfer& t) const {
    const bool load = unit == parameters.load_unit();
    const std::uint64_t bytes =
        t.block.rows == 0 ? 0 : (t.block.rows - 1) * static_cast<std::uint64_t>(t.stride) + t.block.row_bytes();
    const std::uint64_t begin = t.memory.base;
    return {of(t.block, load), {Space::memory, begin, begin + (t.memory.period - 1) * t.memory.stride + bytes, !load}};
  }
  std::vector<Access> operator()(const LoadWeights& w) const { return {of(w.weights, false)}; }
  std::vector<Access> operator()(const MatrixMultiply& m) const { return {of(m.rows, false), of(m.result, true)}; }
  std::vector<Access> operator()(const Vector& v) const {
    std::vector<Access> all;
    for (const Block& block : v.inputs) all.push_back(of(block, false));
    for (const Block& block : v.outputs) {
      if (v.accumulate) all.push_back(of(block, false));
      all.push_back(of(block, true));
    }
    return all;
  }
  std::vector<Access> operator()(const Transpose& t) const { return {of(t.from, false), of(t.to, true)}; }
};

std::uint64_t aligned(std::uint64_t bytes) {
  return (bytes + Residency::alignment - 1) / Residency::alignment * Residency::alignment;
}

std::uint64_t size_of(const graph::Tensor& tensor) {
  return static_cast<std::uint64_t>(numerics::bytes_of(tensor.format));
}

}  // namespace

Emitter::Emitter(const Parameters& parameters, const device::Job& job)
    : parameters_(parameters),
      job_(job),
      map_(job),
      // Half of the on-chip memory for tensors that stay, half for staging.
      staging_base_(parameters.vmem.bytes / 2 / Residency::alignment * Residency::alignment),
      residency_(job, map_, staging_base_),
      dependences_(parameters.units()) {}

void Emitter::begin(int op) {
  op_ = op;
  reserved_ = 0;
}

void Emitter::emit(int unit, std::variant<Transfer, LoadWeights, MatrixMultiply, Vector, Transpose> body) {
  const std::vector<Access> accesses = std::visit(Accesses{parameters_, unit}, body);
  std::vector<Wait> waits = dependences_.add(unit, op_, accesses);
  code_.push_back({unit, op_, std::move(waits), std::move(body)});
}

std::uint64_t Emitter::reserve(std::uint64_t bytes) {
  const std::uint64_t at = staging_base_ + reserved_;
  reserved_ += aligned(bytes);
  if (reserved_ > staging_bytes()) {
    const graph::Op& op = job_.graph.ops[static_cast<std::size_t>(op_)];
    throw device::Unsupported(op.name + ": the smallest tile does not fit into on-chip memory (vmem.size)");
  }
  return at;
}

Block Emitter::resident_block(TensorId id, std::uint64_t columns) {
  const graph::Tensor& t = tensor(id);
  const auto elements = static_cast<std::uint64_t>(graph::elements(t.shape));
  const Block block{*residency_.address(map_.storage(id)), elements / columns, columns, columns * size_of(t), t.format};
  if (on_chip_.insert(map_.storage(id)).second) load(id, columns, {0, 0, block.rows, columns}, block);
  return block;
}

void Emitter::load(TensorId id, std::uint64_t columns, const Tile& tile, const Block& to) {
  const std::uint64_t size = size_of(tensor(id));
  emit(parameters_.load_unit(), Transfer{map_.address(id).offset((tile.row * columns + tile.column) * size),
                                         static_cast<std::int64_t>(columns * size), to});
}

void Emitter::store(TensorId id, std::uint64_t columns, const Tile& tile, const Block& from) {
  const std::uint64_t size = size_of(tensor(id));
  emit(parameters_.store_unit(), Transfer{map_.address(id).offset((tile.row * columns + tile.column) * size),
                                          static_cast<std::int64_t>(columns * size), from});
}

bool Emitter::leaves_chip(TensorId id) const {
  return !resident(id) || id == job_.graph.loss || job_.graph.storage(id) != id;
}

Source::Source(Emitter& emitter, TensorId tensor, std::uint64_t columns, bool transposed, std::uint64_t tile_elements)
    : emitter_(emitter), tensor_(tensor), columns_(columns), transposed_(transposed) {
  const std::uint64_t bytes = tile_elements * size_of(emitter.tensor(tensor));
  if (!emitter.resident(tensor)) {
    for (Slot& slot : loaded_) slot.address = emitter.reserve(bytes);
  }
  if (transposed) {
    for (Slot& slot : turned_) slot.address = emitter.reserve(bytes);
  }
}

std::uint64_t Source::staging(const Emitter& emitter, TensorId tensor, bool transposed) {
  return size_of(emitter.tensor(tensor)) * ((emitter.resident(tensor) ? 0 : 2) + (transposed ? 2 : 0));
}

Source::Slot& Source::find(Slot (&slots)[2], int& next, const Tile& tile) {
  for (Slot& slot : slots) {
    if (slot.full && slot.tile == tile) return slot;
  }
  Slot& slot = slots[next];
  next = 1 - next;
  slot.tile = tile;
  slot.full = false;
  return slot;
}

Block Source::stored(const Tile& tile) {
  if (emitter_.resident(tensor_)) {
    return emitter_.resident_block(tensor_, columns_).part(tile.row, tile.column, tile.rows, tile.columns);
  }
  const graph::Tensor& t = emitter_.tensor(tensor_);
  Slot& slot = find(loaded_, next_loaded_, tile);
  const Block block{slot.address, tile.rows, tile.columns, tile.columns * size_of(t), t.format};
  if (!slot.full) emitter_.load(tensor_, columns_, tile, block);
  slot.full = true;
  return block;
}

Block Source::fetch(const Tile& tile) {
  if (!transposed_) return stored(tile);
  const graph::Tensor& t = emitter_.tensor(tensor_);
  Slot& slot = find(turned_, next_turned_, tile);
  const Block block{slot.address, tile.rows, tile.columns, tile.columns * size_of(t), t.format};
  if (!slot.full) {
    emitter_.emit(emitter_.parameters().transpose_unit(),
                  Transpose{stored({tile.column, tile.row, tile.columns, tile.rows}), block});
  }
  slot.full = true;
  return block;
}

Sink::Sink(Emitter& emitter, TensorId tensor, std::uint64_t columns, std::uint64_t tile_elements)
    : emitter_(emitter), tensor_(tensor), columns_(columns) {
  if (emitter.resident(tensor)) return;
  for (std::uint64_t& slot : slots_) slot = emitter.reserve(tile_elements * size_of(emitter.tensor(tensor)));
}

std::uint64_t Sink::staging(const Emitter& emitter, TensorId tensor) {
  return emitter.resident(tensor) ? 0 : 2 * size_of(emitter.tensor(tensor));
}

Block Sink::open(const Tile& tile) {
  if (emitter_.resident(tensor_)) {
    emitter_.mark_on_chip(tensor_);
    return emitter_.resident_block(tensor_, columns_).part(tile.row, tile.column, tile.rows, tile.columns);
  }
  const graph::Tensor& t = emitter_.tensor(tensor_);
  const Block block{slots_[next_], tile.rows, tile.columns, tile.columns * size_of(t), t.format};
  next_ = 1 - next_;
  return block;
}

void Sink::close(const Tile& tile, const Block& block) {
  if (emitter_.leaves_chip(tensor_)) emitter_.store(tensor_, columns_, tile, block);
}

}  // namespace triad::tpu
