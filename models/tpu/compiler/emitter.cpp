#include "models/tpu/compiler/emitter.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/device/device.hpp"

namespace triad::tpu {

using graph::TensorId;
using Access = Dependences::Access;
using Space = Dependences::Space;

std::uint64_t aligned(std::uint64_t bytes) {
  return (bytes + Residency::alignment - 1) / Residency::alignment * Residency::alignment;
}

graph::Shape Region::extents() const {
  graph::Shape shape;
  for (const Axis& axis : axes) shape.push_back(axis.extent);
  return shape;
}

std::uint64_t Region::packed_elements() const {
  std::uint64_t elements = 1;
  for (const Axis& axis : axes) elements *= axis.stride == 0 ? 1 : static_cast<std::uint64_t>(axis.extent);
  return elements;
}

Place Region::packed(std::uint64_t address, Format format) const {
  Place place{address, std::vector<std::int64_t>(axes.size(), 0), format};
  std::int64_t stride = numerics::bytes_of(format);
  for (std::size_t axis = axes.size(); axis-- > 0;) {
    if (axes[axis].stride == 0) continue;
    place.strides[axis] = stride;
    stride *= axes[axis].extent;
  }
  return place;
}

Region matrix_region(std::uint64_t offset, std::uint64_t width, std::uint64_t row, std::uint64_t column,
                     std::uint64_t rows, std::uint64_t columns) {
  return {
      static_cast<std::int64_t>(offset + row * width + column),
      {{static_cast<std::int64_t>(rows), static_cast<std::int64_t>(width)}, {static_cast<std::int64_t>(columns), 1}}};
}

Block matrix_block(const Place& place, std::uint64_t rows, std::uint64_t columns) {
  return {place.address, rows, columns, static_cast<std::uint64_t>(place.strides[0]), place.format};
}

namespace {

void add(std::vector<Access>& all, const std::vector<kit::Range>& ranges, bool write) {
  std::uint64_t begin = ~std::uint64_t{0}, end = 0;
  for (const kit::Range& range : ranges) {
    begin = std::min(begin, range.begin);
    end = std::max(end, range.end());
  }
  all.push_back({Space::vmem, begin, end, write});
}
kit::Range range_of(const Planes& planes, std::int64_t count) {
  const auto row = static_cast<std::uint64_t>(planes.width) * 4;
  return {planes.address, row * static_cast<std::uint64_t>(planes.rows), static_cast<std::uint64_t>(count),
          planes.pitch};
}

/// What an instruction touches. A matrix unit's own accumulation is no read: its results are added in order.
struct Touched {
  const Parameters& parameters;
  int unit;
  using Result = std::vector<Access>;
  Result operator()(const Transfer& t) const {
    const bool load = unit == parameters.load_unit();
    Result all;
    add(all, t.chip_ranges(), load);
    std::uint64_t begin = t.memory.base, end = begin + t.bytes;
    for (const Loop& loop : t.loops) {
      const std::uint64_t reach =
          (loop.count - 1) * static_cast<std::uint64_t>(loop.memory < 0 ? -loop.memory : loop.memory);
      if (loop.memory < 0) begin -= reach;
      if (loop.memory > 0) end += reach;
    }
    all.push_back({Space::memory, begin, end + (t.memory.period - 1) * t.memory.stride, !load});
    return all;
  }
  Result operator()(const Gather& g) const {
    Result all;
    add(all, g.indices.ranges(), false);
    add(all, g.to.ranges(), true);
    all.push_back({Space::memory, g.table.base,
                   g.table.base + g.table_rows * g.table_pitch + (g.table.period - 1) * g.table.stride, false});
    return all;
  }
  Result operator()(const LoadWeights& w) const {
    Result all;
    add(all, w.weights.ranges(), false);
    return all;
  }
  Result operator()(const MatrixMultiply& m) const {
    Result all;
    add(all, m.rows.ranges(), false);
    add(all, m.result.ranges(), true);
    return all;
  }
  Result operator()(const Vector& v) const {
    Result all;
    for (const Place& place : v.operands) add(all, ranges(place, v.extents), false);
    for (const Vector::Result& result : v.results) {
      const std::vector<kit::Range> touched = ranges(result.place, v.extents);
      if (result.mode != Vector::Mode::write) add(all, touched, false);
      add(all, touched, true);
    }
    return all;
  }
  Result operator()(const Window& w) const {
    Result all;
    for (const Planes& planes : w.inputs) add(all, {range_of(planes, w.planes)}, false);
    for (const Planes& planes : w.outputs) add(all, {range_of(planes, w.planes)}, true);
    return all;
  }
  Result operator()(const ScatterAdd& s) const {
    Result all;
    add(all, s.from.ranges(), false);
    add(all, s.indices.ranges(), false);
    if (!s.clear) add(all, s.to.ranges(), false);
    add(all, s.to.ranges(), true);
    return all;
  }
  Result operator()(const Transpose& t) const {
    Result all;
    add(all, t.from.ranges(), false);
    add(all, t.to.ranges(), true);
    return all;
  }
};

constexpr std::size_t most_ranges = 4096;  // told apart between ops

}  // namespace

Emitter::Emitter(const Plan& plan, bool planning)
    : plan_(plan), planning_(planning), leaves_(plan.graph.tensors.size()), dependences_(plan.parameters.units()) {
  const graph::Graph& graph = plan.graph;
  const auto leaves = [&](TensorId id) { leaves_[static_cast<std::size_t>(plan.map.storage(id))] = true; };
  if (graph.loss >= 0) leaves(graph.loss);
  for (const auto& update : graph.updates) leaves(update.updated);
  for (const TensorId id : graph.results()) leaves(id);
}

void Emitter::begin(int op) {
  op_ = op;
  ++group_;
  reserved_ = 0;
  if (!planning_) dependences_.coarsen(most_ranges);
}

void Emitter::emit(int unit, Body body) {
  if (planning_) return;
  const Accesses accesses = std::visit(Touched{parameters(), unit}, body);
  emit(unit, std::move(body), accesses);
}

void Emitter::emit(int unit, Body body, const Accesses& accesses) {
  code_.push_back({unit, op_, dependences_.add(unit, group_, accesses), std::move(body)});
}

Access Emitter::access(const Block& block, bool write) {
  Accesses result;
  add(result, block.ranges(), write);
  return result[0];
}

std::uint64_t Emitter::reserve(std::uint64_t bytes) {
  const std::uint64_t at = plan_.staging_base + reserved_;
  if (aligned(bytes) > staging_bytes()) {
    throw device::Unsupported(
        fmt::format("{}: the smallest tile does not fit into the {} bytes of on-chip memory (vmem.size)", op().name,
                    parameters().vmem.bytes));
  }
  reserved_ += aligned(bytes);
  return at;
}

kit::StepAddress Emitter::location(TensorId id, std::int64_t element) const {
  const std::uint64_t offset = static_cast<std::uint64_t>(element) * element_bytes(id);
  return plan_.map.address(id).offset(offset);
}

Transfer Emitter::transfer(TensorId id, const Region& region, const Place& place) const {
  const auto size = static_cast<std::int64_t>(element_bytes(id));
  Transfer result{location(id, region.offset), place.address, static_cast<std::uint64_t>(size), {}};
  for (std::size_t axis = 0; axis < region.axes.size(); ++axis) {
    const auto [extent, stride] = region.axes[axis];
    if (extent == 1 || (stride == 0 && place.strides[axis] == 0)) continue;
    result.loops.push_back({static_cast<std::uint64_t>(extent), stride * size, place.strides[axis]});
  }
  // The longest strides of memory outermost, so that requests are as long as they can be; before them what repeats.
  std::stable_sort(result.loops.begin(), result.loops.end(), [](const Loop& a, const Loop& b) {
    return (a.memory == 0) != (b.memory == 0) ? a.memory == 0 : std::abs(a.memory) > std::abs(b.memory);
  });
  while (!result.loops.empty()) {
    const Loop& inner = result.loops.back();
    const auto run = static_cast<std::int64_t>(result.bytes);
    if (inner.memory != run || inner.chip != run) break;
    result.bytes *= inner.count;
    result.loops.pop_back();
  }
  for (std::size_t i = result.loops.size(); i-- > 1;) {  // neighbours that both sides step through alike
    Loop &outer = result.loops[i - 1], &inner = result.loops[i];
    const auto count = static_cast<std::int64_t>(inner.count);
    if (outer.memory != inner.memory * count || outer.chip != inner.chip * count) continue;
    outer = {outer.count * inner.count, inner.memory, inner.chip};
    result.loops.erase(result.loops.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return result;
}

void Emitter::load(TensorId id, const Region& region, const Place& to, std::uint64_t clear_begin,
                   std::uint64_t clear_bytes) {
  if (planning_) return;
  Transfer moved = transfer(id, region, to);
  moved.clear_begin = clear_begin;
  moved.clear_bytes = clear_bytes;
  emit(parameters().load_unit(), std::move(moved));
}

void Emitter::store(TensorId id, const Region& region, const Place& from) {
  if (planning_) return;
  emit(parameters().store_unit(), transfer(id, region, from));
}

Place Emitter::resident_place(TensorId id, const Region& region) {
  const std::uint64_t base = *plan_.residency.address(plan_.map.storage(id));
  const auto size = static_cast<std::int64_t>(element_bytes(id));
  if (on_chip_.insert(plan_.map.storage(id)).second) {
    const Region whole{0, {{graph::elements(tensor(id).shape), 1}}};
    load(id, whole, whole.packed(base, tensor(id).format));
  }
  Place place{base + static_cast<std::uint64_t>(region.offset * size), {}, tensor(id).format};
  for (const Region::Axis& axis : region.axes) place.strides.push_back(axis.stride * size);
  return place;
}

bool Emitter::leaves_chip(TensorId id) const {
  return !resident(id) || leaves_[static_cast<std::size_t>(plan_.map.storage(id))];
}

Input::Input(Emitter& emitter, TensorId tensor, std::uint64_t elements) : emitter_(&emitter), tensor_(tensor) {
  if (emitter.resident(tensor)) return;
  for (Slot& slot : slots_) slot.address = emitter.reserve(elements * emitter.element_bytes(tensor));
}

std::uint64_t Input::staging(const Emitter& emitter, TensorId tensor, std::uint64_t elements) {
  return emitter.resident(tensor) ? 0 : buffers * aligned(elements * emitter.element_bytes(tensor));
}

Place Input::fetch(const Region& region) {
  if (emitter_->resident(tensor_)) return emitter_->resident_place(tensor_, region);
  const Format format = emitter_->tensor(tensor_).format;
  for (const Slot& slot : slots_) {
    if (slot.full && slot.region == region) return region.packed(slot.address, format);
  }
  Slot& slot = slots_[next_];
  next_ = (next_ + 1) % buffers;
  slot.region = region;
  slot.full = true;
  const Place place = region.packed(slot.address, format);
  emitter_->load(tensor_, region, place);
  return place;
}

Output::Output(Emitter& emitter, TensorId tensor, std::uint64_t elements) : emitter_(&emitter), tensor_(tensor) {
  if (emitter.resident(tensor)) return;
  for (std::uint64_t& slot : slots_) slot = emitter.reserve(elements * emitter.element_bytes(tensor));
}

std::uint64_t Output::staging(const Emitter& emitter, TensorId tensor, std::uint64_t elements) {
  return emitter.resident(tensor) ? 0 : buffers * aligned(elements * emitter.element_bytes(tensor));
}

Place Output::open(const Region& region) {
  region_ = region;
  if (emitter_->resident(tensor_)) {
    emitter_->mark_on_chip(tensor_);
    place_ = emitter_->resident_place(tensor_, region);
  } else {
    place_ = region.packed(slots_[next_], emitter_->tensor(tensor_).format);
    next_ = (next_ + 1) % buffers;
  }
  return place_;
}

void Output::close() {
  if (emitter_->leaves_chip(tensor_)) emitter_->store(tensor_, region_, place_);
}

}  // namespace triad::tpu
