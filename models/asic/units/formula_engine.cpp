#include "models/asic/units/formula_engine.hpp"

#include <fmt/format.h>

#include <bit>

namespace triad::asic {

using activity::State;
using Source = FormulaSchedule::Source;

namespace {
std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}
}  // namespace

FormulaEngine::FormulaEngine(const sc_core::sc_module_name& name, kit::Clock clock, isa::Engine engine,
                             const Parameters& parameters, const Parameters::Stream& own, Scoreboard& scoreboard,
                             MemoryInterface& memory, activity::Recorder& recorder,
                             const activity::Technology& technology)
    : StreamEngine(name, clock, engine, parameters, own, scoreboard, memory),
      moves_(engine == isa::Engine::reshape),
      track_(recorder, static_cast<const char*>(name), clock, activity::Resource::compute),
      special_(recorder, std::string(static_cast<const char*>(name)) + ".special", clock, activity::Resource::compute),
      add_action_(track_.add_action("add_fp32", technology.picojoules("add_fp32"))),
      multiply_action_(track_.add_action("multiply_fp32", technology.picojoules("multiply_fp32"))),
      compare_action_(track_.add_action("compare", technology.picojoules("add_int32"))),
      special_action_(special_.add_action("special_fp32", technology.picojoules("special_fp32"))),
      stream_action_(track_.add_action("stream_bytes",
                                       technology.sram_picojoules_per_byte(static_cast<double>(own.stream_bytes)))) {}

void FormulaEngine::deliver(Delivery delivery) {
  deliveries_.push_back(std::move(delivery));
  wake_at(cycle() + 1);
}

void FormulaEngine::check(const Layer& layer) const {
  const isa::Descriptor& d = *layer.descriptor;
  if (d.axes.empty() || d.results.empty() || d.terms.empty()) fault(layer, "a program without space, terms or results");
  const std::uint64_t most = memory_.capacity();
  std::uint64_t points = 1;
  for (const isa::Axis& axis : d.axes) {
    if (axis.extent < 1 || static_cast<std::uint64_t>(axis.extent) > 4 * most / points) {
      fault(layer, fmt::format("an axis of {} points", axis.extent));
    }
    points *= static_cast<std::uint64_t>(axis.extent);
  }
  if (!d.flying) return;
  if (array_ == nullptr) fault(layer, "flies, but no product comes here");
  std::int64_t batches = 1, rows = 1, columns = 1;
  for (const isa::Axis& axis : d.axes) {
    (axis.role == isa::Role::batch ? batches : axis.role == isa::Role::row ? rows : columns) *= axis.extent;
  }
  if (batches != d.gemm.batches || rows != d.gemm.rows || columns != d.gemm.columns) {
    fault(layer, fmt::format("a space of {} x {} x {} for {} products of {} x {}", batches, rows, columns,
                             d.gemm.batches, d.gemm.rows, d.gemm.columns));
  }
  if (d.gemm.tile_rows < 1 || d.gemm.tile_columns < 1) fault(layer, "an empty tile");
}

void FormulaEngine::begin(const Layer& layer) {
  check(layer);
  schedule_ = FormulaSchedule(*layer.descriptor, own_, layer.descriptor->flying);
  if (layer.descriptor->flying && schedule_.reduces) fault(layer, "a product that flies has no rows to reduce");
  if (schedule_.reduces && static_cast<std::uint64_t>(least_operand_bytes(schedule_)) > own_.operand_bytes) {
    fault(layer, fmt::format("a row keeps {} B, the operand RAM holds {} B", least_operand_bytes(schedule_),
                             own_.operand_bytes));
  }
  evaluation_ = Evaluation(schedule_, layer);
  flying_ = layer.descriptor->flying ? layer.descriptor : nullptr;
  resident_read_ = schedule_.resident_bytes == 0;
  in_block_ = in_pass_ = false;
  tile_parts_.clear();
  if (layer.descriptor->flying) {
    tiles_ = TileLoop(layer.descriptor->gemm);
    return;
  }
  Box size = whole(layer);
  for (int axis = 0; axis < size.rank && schedule_.reduces; ++axis) {
    if (axis == schedule_.strip_axis) {
      size.extent[at(axis)] = schedule_.strip;
    } else if (!schedule_.formula.reduced[at(axis)]) {
      size.extent[at(axis)] = 1;
    }
  }
  blocks_ = Cutter(whole(layer), size.extent);
}

Box FormulaEngine::whole(const Layer& layer) const {
  Box box;
  box.rank = static_cast<int>(layer.descriptor->axes.size());
  for (int axis = 0; axis < box.rank; ++axis) box.extent[at(axis)] = layer.descriptor->axes[at(axis)].extent;
  return box;
}

/// Chunks of a block: a burst of fp32 values. The reshape engine, where it turns axes, takes squares, so that both
/// sides move whole rows.
Cutter FormulaEngine::cutter(const Layer& layer, const Box& block) const {
  const isa::Descriptor& d = *layer.descriptor;
  const auto burst = static_cast<std::int64_t>(parameters_.burst_bytes / 4);
  if (!moves_ || d.operands.size() != 1) return Cutter(block, burst);
  const auto fastest = [&](const isa::Stream& stream) {
    int best = -1;
    for (int axis = block.rank; axis-- > 0;) {
      const std::int64_t stride = stream.strides[at(axis)];
      if (block.extent[at(axis)] > 1 && stride != 0 && (best < 0 || stride < stream.strides[at(best)])) best = axis;
    }
    return best;
  };
  const int from = fastest(d.operands[0]), to = fastest(d.results[0]);
  if (from < 0 || to < 0 || from == to) return Cutter(block, burst);
  std::int64_t side = 1;
  while (4 * side * side * 8 <= static_cast<std::int64_t>(own_.stream_bytes)) side *= 2;
  Index size;
  size.fill(1);
  size[at(from)] = size[at(to)] = side;
  return Cutter(block, size);
}

std::unique_ptr<Chunk> FormulaEngine::next(const Layer& layer) {
  const isa::Descriptor& d = *layer.descriptor;
  if (!resident_read_) {
    resident_read_ = true;
    auto part = std::make_unique<Part>();
    part->kind = Kind::resident;
    part->reads.resize(d.operands.size());
    const Box all = whole(layer);
    for (std::size_t o = 0; o < d.operands.size(); ++o) {
      if (schedule_.sources[o] != Source::resident) continue;
      request(part->reads[o],
              rows_of_box(layer.address(d.operands[o].address), isa::bytes_of(d.operands[o].storage), all,
                          d.operands[o].strides),
              false, layer);
    }
    return part;
  }
  if (d.flying) {
    while (tile_parts_.empty() && !tiles_.done()) {
      cut_tile(layer);
      tiles_.next_result();
    }
    if (tile_parts_.empty()) return nullptr;
    std::unique_ptr<Part> part = std::move(tile_parts_.front());
    tile_parts_.pop_front();
    return part;
  }
  return points(layer);
}

/// The next chunk of the walk over blocks, passes and their chunks.
std::unique_ptr<FormulaEngine::Part> FormulaEngine::points(const Layer& layer) {
  for (;;) {
    if (!in_block_) {
      if (blocks_.done()) return nullptr;
      block_ = blocks_.next();
      in_block_ = true;
      block_begun_ = in_pass_ = false;
      pass_ = 0;
    }
    if (pass_ == schedule_.passes.size()) {
      in_block_ = false;
      if (!schedule_.row_results) continue;
      auto part = std::make_unique<Part>();
      part->kind = Kind::rows;
      part->pass = pass_ - 1;
      part->block = block_;
      part->first_of_block = !block_begun_;
      part->first_of_pass = !schedule_.passes.back().points();
      read(layer, *part);
      return part;
    }
    const FormulaSchedule::Pass& pass = schedule_.passes[pass_];
    if (!in_pass_) {
      if (!pass.points()) {
        // Only the last pass can be without: its terms belong to the rows.
        ++pass_;
        continue;
      }
      parts_ = cutter(layer, block_);
      ordinal_ = 0;
      in_pass_ = true;
    }
    auto part = std::make_unique<Part>();
    part->pass = pass_;
    part->block = block_;
    part->box = parts_.next();
    part->first_of_pass = ordinal_ == 0;
    part->first_of_block = !block_begun_;
    part->ordinal = ordinal_++;
    block_begun_ = true;
    if (parts_.done()) {
      in_pass_ = false;
      ++pass_;
    }
    read(layer, *part);
    return part;
  }
}

/// Requests for the operands of a chunk, its cycles and what it waits for.
void FormulaEngine::read(const Layer& layer, Part& part) const {
  const isa::Descriptor& d = *layer.descriptor;
  const FormulaSchedule::Pass& pass = schedule_.passes[part.pass];
  std::vector<std::vector<memory::Request>> reads(d.operands.size());
  bool any = false;
  for (std::size_t o = 0; o < d.operands.size(); ++o) {
    const bool rows = schedule_.sources[o] == Source::row && part.first_of_block;
    const bool points = part.kind == Kind::points && pass.reads && pass.operands[o];
    if (!rows && !points) continue;
    any = true;
    request(reads[o],
            rows_of_box(layer.address(d.operands[o].address), isa::bytes_of(d.operands[o].storage),
                        rows ? part.block : part.box, d.operands[o].strides),
            false, layer);
  }
  if (any) part.reads = std::move(reads);
  const std::int64_t rows = schedule_.strip_axis < 0 ? 1 : part.block.extent[at(schedule_.strip_axis)];
  std::int64_t gap = 0;
  if (part.first_of_pass && schedule_.reduces) {
    const std::int64_t terms = schedule_.row_cycles(pass, rows, own_);
    gap = (part.pass > 0 ? schedule_.tree_cycles(own_) : 0) + terms + (terms > 0 ? own_.pipeline_cycles : 0);
  }
  part.gap = static_cast<Cycle>(gap);
  part.cycles = static_cast<Cycle>(part.kind == Kind::points ? schedule_.cycles(pass, part.box, own_)
                                                             : ceil_div(rows, own_.lanes));
  part.ahead = !any && (layer.descriptor->flying || part.pass > 0);
}

/// The chunks of a tile of the product: column group by column group as the array finishes them, in them in the order
/// in which the result lies in memory.
void FormulaEngine::cut_tile(const Layer& layer) {
  const isa::Descriptor& d = *layer.descriptor;
  const Tile tile = tiles_.tile();
  std::vector<std::int64_t> extents[3];
  std::vector<int> axes[3];
  for (std::size_t axis = 0; axis < d.axes.size(); ++axis) {
    extents[at(static_cast<int>(d.axes[axis].role))].push_back(d.axes[axis].extent);
    axes[at(static_cast<int>(d.axes[axis].role))].push_back(static_cast<int>(axis));
  }
  const auto put = [&](Box& box, const Box& part, std::size_t role) {
    for (std::size_t i = 0; i < axes[role].size(); ++i) {
      box.begin[at(axes[role][i])] = part.begin[i];
      box.extent[at(axes[role][i])] = part.extent[i];
    }
  };
  const std::vector<Box> batch = boxes_of_range(extents[0], tile.batch, tile.batch + 1);
  const std::vector<Box> rows = boxes_of_range(extents[1], tile.row, tile.row + tile.rows);
  const std::int64_t group = parameters_.gemm.atomic_k;
  const auto burst = static_cast<std::int64_t>(parameters_.burst_bytes / 4);
  for (std::int64_t first = 0; first < tile.columns; first += group) {
    const std::int64_t begin = tile.column + first, end = tile.column + std::min(first + group, tile.columns);
    for (const Box& r : rows) {
      for (const Box& c : boxes_of_range(extents[2], begin, end)) {
        Box box;
        box.rank = static_cast<int>(d.axes.size());
        put(box, batch[0], 0);
        put(box, r, 1);
        put(box, c, 2);
        for (Cutter cut(box, burst); !cut.done();) {
          auto part = std::make_unique<Part>();
          part->box = part->block = cut.next();
          part->tile = tile;
          part->group = at(first / group);
          read(layer, *part);
          tile_parts_.push_back(std::move(part));
        }
      }
    }
  }
  tile_parts_.back()->last_of_tile = true;
}

FormulaEngine::Ready FormulaEngine::ready(const Chunk& chunk) const {
  const Part& part = static_cast<const Part&>(chunk);
  if (!flying_ || part.kind != Kind::points) return {};
  if (deliveries_.empty()) return {never, 0};
  const Delivery& product = deliveries_.front();
  const Cycle first = product.ready[part.group];
  const std::int64_t rank = part.box.rank;
  std::int64_t from = 0, to = 0, radix = 1;
  bool by_rows = true;
  for (std::int64_t axis = rank; axis-- > 0;) {
    const isa::Axis& a = flying_->axes[at(axis)];
    if (a.role != isa::Role::row) continue;
    by_rows &= axis != rank - 1;
    from += part.box.begin[at(axis)] * radix;
    to += (part.box.begin[at(axis)] + part.box.extent[at(axis)] - 1) * radix;
    radix *= a.extent;
  }
  // Rows that run along memory are read across the delivery buffer, when all of the group is there.
  if (!by_rows) return {first + static_cast<Cycle>(part.tile.rows - 1), 0};
  const Cycle rows = static_cast<Cycle>(to - from + 1);
  return {first + static_cast<Cycle>(from - part.tile.row),
          first + static_cast<Cycle>(to - part.tile.row) + ceil_div(part.cycles, rows)};
}

std::string FormulaEngine::not_ready(const Layer& layer) const {
  if (!layer.descriptor->flying || !deliveries_.empty()) return {};
  return fmt::format("layer {} (step {}) waits for a product in the delivery buffer", layer.index, layer.step);
}

std::vector<Write> FormulaEngine::compute(const Layer& layer, Chunk& chunk) {
  Part& part = static_cast<Part&>(chunk);
  const isa::Descriptor& d = *layer.descriptor;
  if (part.kind == Kind::resident) {
    for (std::size_t o = 0; o < d.operands.size() && values(); ++o) {
      if (schedule_.sources[o] == Source::resident) evaluation_.resident(o, part.operands[o]);
    }
    return {};
  }
  if (values() && schedule_.reduces) {
    if (part.first_of_block) {
      evaluation_.begin_block(part.block);
      for (std::size_t o = 0; o < d.operands.size(); ++o) {
        if (schedule_.sources[o] == Source::row) evaluation_.row_operand(o, part.operands[o]);
      }
    }
    if (part.first_of_pass) evaluation_.begin_pass(part.pass);
  }
  const Delivery* product = d.flying ? &deliveries_.front() : nullptr;
  std::vector<Bytes> bytes;
  if (values() && part.kind == Kind::points) {
    bytes = evaluation_.points(part.pass, part.box, part.ordinal, part.operands, product);
  }
  std::vector<Write> writes;
  for (std::size_t r = 0; r < d.results.size(); ++r) {
    const bool rows = schedule_.reduces && schedule_.formula.results[r].per_row;
    if (rows ? part.kind != Kind::rows : (part.kind != Kind::points || !schedule_.passes[part.pass].results)) continue;
    Write write;
    request(write.requests,
            rows_of_box(layer.address(d.results[r].address), isa::bytes_of(d.results[r].storage),
                        rows ? part.block : part.box, d.results[r].strides),
            true, layer);
    if (values()) write.data = rows ? evaluation_.row_result(r) : std::move(bytes[r]);
    writes.push_back(std::move(write));
  }
  return writes;
}

void FormulaEngine::taken(const Layer& layer, const Chunk& chunk, Cycle cycle) {
  if (!layer.descriptor->flying || !static_cast<const Part&>(chunk).last_of_tile) return;
  deliveries_.pop_front();
  array_->delivery_read(cycle + 1);
}

void FormulaEngine::record(const Layer& layer, const Chunk& chunk, Cycle waited, Cycle begin, Cycle end) {
  const Part& part = static_cast<const Part&>(chunk);
  const activity::Tag tag = layer.tag();
  const Cycle drained = std::max(waited, begin - std::min(begin, part.gap));
  track_.state(layer.descriptor->flying && part.reads.empty() ? State::operands : State::memory, {}, waited, drained);
  track_.state(State::drain, tag, drained, begin);
  track_.state(State::busy, tag, begin, end);
  if (part.kind == Kind::resident) return;
  const FormulaSchedule::Pass& pass = schedule_.passes[part.pass];
  const auto count = [&](std::int64_t n) { return static_cast<std::uint64_t>(n); };
  std::int64_t specials = 0, lanes = 0;
  if (part.kind == Kind::points) {
    const std::int64_t n = part.box.points();
    track_.count(add_action_, count(n * pass.adds), begin, end);
    track_.count(multiply_action_, count(n * pass.multiplies), begin, end);
    track_.count(compare_action_, count(n * pass.compares), begin, end);
    std::int64_t streams = pass.results ? static_cast<std::int64_t>(layer.descriptor->results.size()) : 0;
    for (const bool read : pass.operands) streams += read;
    track_.count(stream_action_, count(n * 4 * streams), begin, end);
    specials = n * pass.special;
    lanes = n * (pass.arithmetic + pass.special);
    const auto busy = static_cast<Cycle>(ceil_div(specials, own_.special_lanes));
    special_.state(State::busy, tag, begin, std::min(end, begin + busy));
  }
  if (part.first_of_pass && schedule_.reduces) {
    const std::int64_t rows = schedule_.strip_axis < 0 ? 1 : part.block.extent[at(schedule_.strip_axis)];
    specials += rows * pass.row_special;
    lanes += rows * (pass.row_arithmetic + pass.row_special);
    track_.count(add_action_, count(rows * pass.row_arithmetic), begin, end);
  }
  special_.count(special_action_, count(specials), begin, end);
  track_.work(count(lanes));
}

}  // namespace triad::asic
