#include "models/asic/units/indexed_engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "models/asic/units/words.hpp"
#include "sim/numerics/format.hpp"

namespace triad::asic {

using activity::State;

namespace {
std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}
}  // namespace

IndexedEngine::IndexedEngine(const sc_core::sc_module_name& name, kit::Clock clock, const Parameters& parameters,
                             Scoreboard& scoreboard, MemoryInterface& memory, activity::Recorder& recorder,
                             const activity::Technology& technology)
    : StreamEngine(name, clock, isa::Engine::indexed, parameters, parameters.indexed, scoreboard, memory),
      track_(recorder, static_cast<const char*>(name), clock, activity::Resource::compute),
      add_action_(track_.add_action("add_fp32", technology.picojoules("add_fp32"))),
      stream_action_(track_.add_action(
          "stream_bytes", technology.sram_picojoules_per_byte(static_cast<double>(parameters.indexed.stream_bytes)))) {}

void IndexedEngine::begin(const Layer& layer) {
  const isa::Descriptor& d = *layer.descriptor;
  shape_ = d.indexed;
  if (d.operands.size() != 2 || d.results.size() != 1) fault(layer, "operands or results are missing");
  if (std::min({shape_.count, shape_.rows, shape_.width}) < 1) fault(layer, "an empty table");
  zeroed_ = shape_.scatter ? 0 : shape_.rows * shape_.width;
  asked_ = known_ = next_ = column_ = 0;
  zeros_missing_ = 0;
}

/// Rows wait for their indices, additions for the zeros that they add to.
bool IndexedEngine::may_continue() const {
  if (zeroed_ < shape_.rows * shape_.width) return true;
  if (zeros_missing_ > 0) return false;
  return next_ == asked_ || asked_ == known_;
}

std::unique_ptr<Chunk> IndexedEngine::next(const Layer& layer) {
  const isa::Descriptor& d = *layer.descriptor;
  const auto burst = static_cast<std::int64_t>(parameters_.burst_bytes / 4);
  auto part = std::make_unique<Part>();
  if (zeroed_ < shape_.rows * shape_.width) {
    part->kind = Kind::zeros;
    part->first = zeroed_;
    part->count = std::min(burst, shape_.rows * shape_.width - zeroed_);
    part->cycles = static_cast<Cycle>(ceil_div(part->count, own_.lanes));
    zeroed_ += part->count;
    ++zeros_missing_;
    return part;
  }
  if (next_ == asked_) {
    if (asked_ == shape_.count) return nullptr;
    part->kind = Kind::indices;
    part->first = asked_;
    part->count = std::min(burst, shape_.count - asked_);
    asked_ += part->count;
    part->reads.resize(2);
    request(part->reads[1],
            {{layer.address(d.operands[1].address) + static_cast<std::uint64_t>(4 * part->first),
              static_cast<std::uint64_t>(4 * part->count), 1, 0}},
            false, layer);
    part->cycles = 1;
    return part;
  }
  part->first = next_;
  part->column = column_;
  if (shape_.width >= burst) {
    part->columns = std::min(burst, shape_.width - column_);
  } else {
    part->columns = shape_.width;
    part->count = std::min(burst / shape_.width, asked_ - next_);
  }
  part->cycles = static_cast<Cycle>(ceil_div(part->count * part->columns, own_.lanes));
  column_ += part->columns;
  if (column_ == shape_.width) column_ = 0, next_ += part->count;

  part->reads.resize(2);
  part->indirect = {!shape_.scatter, true};
  const isa::Stream& table = shape_.scatter ? d.results[0] : d.operands[0];
  for (std::int64_t i = part->first; i < part->first + part->count; ++i) {
    request(part->reads[shape_.scatter ? 1 : 0], {row(table, layer, i % shape_.rows, *part)}, false, layer);
    if (shape_.scatter) request(part->reads[0], {row(d.operands[0], layer, i, *part)}, false, layer);
  }
  return part;
}

Rows IndexedEngine::row(const isa::Stream& table, const Layer& layer, std::int64_t row, const Part& part) const {
  const std::int64_t bytes = isa::bytes_of(table.storage);
  return {layer.address(table.address) + static_cast<std::uint64_t>((row * shape_.width + part.column) * bytes),
          static_cast<std::uint64_t>(part.columns * bytes), 1, 0};
}

void IndexedEngine::take_indices(const Layer& layer, const Part& part) {
  known_ = part.first + part.count;
  rows_begin_ = part.first;
  rows_.clear();
  for (std::int64_t i = 0; values() && i < part.count; ++i) {
    std::int32_t index;
    std::memcpy(&index, part.operands[1].data() + 4 * i, 4);
    if (index < 0 || index >= shape_.rows) {
      fault(layer, fmt::format("index {} is {}, the table has {} rows", part.first + i, index, shape_.rows));
    }
    rows_.push_back(index);
  }
}

std::vector<Write> IndexedEngine::compute(const Layer& layer, Chunk& chunk) {
  const Part& part = static_cast<const Part&>(chunk);
  if (part.kind == Kind::indices) {
    take_indices(layer, part);
    return {};
  }
  if (part.kind == Kind::zeros) {
    Write write;
    request(write.requests,
            {{layer.address(layer.descriptor->results[0].address) + static_cast<std::uint64_t>(4 * part.first),
              static_cast<std::uint64_t>(4 * part.count), 1, 0}},
            true, layer);
    if (values()) write.data.assign(at(4 * part.count), std::byte{0});
    write.done = [this] {
      if (--zeros_missing_ == 0) wake_at(cycle());
    };
    return {write};
  }
  return shape_.scatter ? scatter(layer, part) : gather(layer, part);
}

std::vector<Write> IndexedEngine::gather(const Layer& layer, const Part& part) {
  const isa::Stream &table = layer.descriptor->operands[0], &to = layer.descriptor->results[0];
  Write write;
  const Rows first = row(to, layer, part.first, part);
  request(write.requests, {{first.address, first.row_bytes * static_cast<std::uint64_t>(part.count), 1, 0}}, true,
          layer);
  for (std::int64_t i = 0; values() && i < part.count; ++i) {
    const Rows from = row(table, layer, rows_[at(part.first + i - rows_begin_)], part);
    write.data.resize(at(i + 1) * from.row_bytes);
    memory_.contents().read(from.address, write.data.data() + at(i) * from.row_bytes, from.row_bytes);
  }
  return {write};
}

std::vector<Write> IndexedEngine::scatter(const Layer& layer, const Part& part) {
  const isa::Stream& table = layer.descriptor->results[0];
  std::vector<float> gradient;
  if (values()) gradient = words_of(part.operands[0], isa::Storage::fp32);
  std::vector<Write> writes;
  for (std::int64_t i = 0; i < part.count; ++i) {
    Write write;
    write.indirect = true;
    request(write.requests, {row(table, layer, (part.first + i) % shape_.rows, part)}, true, layer);
    if (values()) {
      const Rows to = row(table, layer, rows_[at(part.first + i - rows_begin_)], part);
      Pending& pending = pending_[to.address];
      if (pending.writes++ == 0) {
        Bytes bytes(to.row_bytes);
        memory_.contents().read(to.address, bytes.data(), bytes.size());
        pending.values = words_of(bytes, isa::Storage::fp32);
      }
      for (std::int64_t c = 0; c < part.columns; ++c) {
        float& sum = pending.values[at(c)];
        sum = numerics::canonical(sum + gradient[at(i * part.columns + c)]);
      }
      write.done = [this, address = to.address] {
        Pending& row = pending_.at(address);
        const Bytes bytes = bytes_of(row.values, isa::Storage::fp32);
        memory_.poke(address, bytes);
        if (--row.writes == 0) pending_.erase(address);
      };
    }
    writes.push_back(std::move(write));
  }
  return writes;
}

void IndexedEngine::record(const Layer& layer, const Chunk& chunk, Cycle waited, Cycle begin, Cycle end) {
  const Part& part = static_cast<const Part&>(chunk);
  track_.state(State::memory, {}, waited, begin);
  track_.state(State::busy, layer.tag(), begin, end);
  const auto elements = static_cast<std::uint64_t>(part.count * part.columns);
  const bool adds = shape_.scatter && part.kind == Kind::rows;
  track_.count(add_action_, adds ? elements : 0, begin, end);
  track_.count(stream_action_, elements * (adds ? 12 : 8), begin, end);
  track_.work(adds ? elements : 0);
}

}  // namespace triad::asic
