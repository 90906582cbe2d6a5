#include "models/asic/units/mac_array.hpp"

#include <fmt/format.h>

#include "models/asic/arithmetic.hpp"
#include "sim/device/device.hpp"

namespace triad::asic {

using activity::State;

MacArray::MacArray(const sc_core::sc_module_name& name, kit::Clock clock, const Parameters& parameters, Buffer& buffer,
                   Scoreboard& scoreboard, activity::Recorder& recorder, const activity::Technology& technology,
                   bool values, bool check)
    : Unit(name, clock),
      parameters_(parameters),
      buffer_(buffer),
      scoreboard_(scoreboard),
      track_(recorder, static_cast<const char*>(name), clock, activity::Resource::compute),
      mac_action_(track_.add_action("mac_bf16", technology.picojoules("mac_bf16"))),
      read_action_(track_.add_action(
          "buffer_bytes_read", technology.sram_picojoules_per_byte(static_cast<double>(parameters.gemm.bank_bytes)))),
      sum_action_(track_.add_action("accumulator_bytes",
                                    technology.sram_picojoules_per_byte(4.0 * parameters.gemm.accumulators))),
      values_(values),
      check_(check) {}

void MacArray::program(const Layer& layer) {
  layers_.push_back(layer);
  wake_at(layer.enabled);
}

void MacArray::loaded(OperandPort port, std::int64_t, Cycle cycle) {
  loaded_[static_cast<std::size_t>(port)].push_back(cycle);
  wake_at(cycle);
}

void MacArray::delivery_read(Cycle cycle) {
  delivery_free_ = cycle;
  wake_at(this->cycle() + 1);
}

void MacArray::step() {
  if (layers_.empty() || loaded_[0].empty() || loaded_[1].empty()) return;
  const Cycle operands = std::max({layers_.front().enabled, loaded_[0].front(), loaded_[1].front()});
  if (operands > cycle()) return wake_at(operands);
  if (!started_) loop_ = TileLoop(layers_.front().descriptor->gemm);
  started_ = true;
  const Tile tile = loop_.tile();
  if (tile.deliver && delivery_free_ == never) return;  // woken when it has been read
  for (auto& port : loaded_) port.pop_front();
  run(layers_.front(), tile, operands);
  loop_.next();
  if (loop_.done()) {
    scoreboard_.done(isa::Engine::gemm, drained_ + static_cast<Cycle>(parameters_.command.done_cycles));
    layers_.pop_front();
    started_ = false;
  }
  wake_at(cycle() + 1);
}

int MacArray::bank(const isa::Gemm& g, const Tile& tile, OperandPort port) const {
  return port == OperandPort::activations ? g.a_bank + tile.a_slot * g.a_banks : g.b_bank + tile.b_slot * g.b_banks;
}

TilePlace MacArray::place(const isa::Gemm& g, const Tile& tile, OperandPort port) const {
  const std::int64_t line = buffer_.line_words();
  return {buffer_.begin(bank(g, tile, port)), port == OperandPort::activations ? tile.rows : tile.columns,
          ceil_div(tile.depth, line) * line};
}

MacArray::Schedule MacArray::schedule(const Layer& layer, const Tile& tile, Cycle operands) {
  const auto& p = parameters_.gemm;
  const std::int64_t rows = tile.rows, columns = tile.columns;
  const std::int64_t blocks = ceil_div(tile.depth, p.atomic_c);
  const std::int64_t operations = blocks * static_cast<std::int64_t>(passes(layer.descriptor->gemm.parts).size());
  const activity::Tag tag = layer.tag();

  Schedule result{std::max(operands, weights_free_), 0, {}};
  // What the array did since the layer before: it ran empty, was idle until this layer was programmed, waited for it.
  const Cycle fill = std::max(recorded_, result.first_weights);
  track_.state(State::drain, last_tag_, recorded_, std::min(drained_, fill));
  recorded_ = std::max(recorded_, std::min(drained_, fill));
  track_.state(State::memory, {}, std::clamp(layer.enabled, recorded_, fill), fill);
  recorded_ = fill;

  Cycle start = 0;
  for (std::int64_t column = 0; column < columns; column += p.atomic_k) {
    const auto kernels = static_cast<Cycle>(std::min<std::int64_t>(p.atomic_k, columns - column));
    for (std::int64_t j = 0; j < operations; ++j) {
      const Cycle weights = std::max(operands, weights_free_) + static_cast<Cycle>(p.buffer_cycles) + kernels;
      const Cycle same_sums = j > 0 ? start + static_cast<Cycle>(p.accumulate_cycles) : 0;
      const Cycle ready = std::max({next_start_, weights, same_sums});
      // The first results of a product enter the delivery buffer when the one before has left it.
      const bool first_results = tile.deliver && column == 0 && j == operations - 1;
      const Cycle pipeline = static_cast<Cycle>(p.mac_cycles + p.accumulate_cycles);
      start = first_results ? std::max(ready, delivery_free_ - std::min(delivery_free_, pipeline)) : ready;
      track_.state(State::fill, tag, recorded_, ready);  // only weights move
      track_.state(State::barrier, tag, std::max(recorded_, ready), start);
      track_.state(State::busy, tag, start, start + static_cast<Cycle>(rows));
      recorded_ = next_start_ = start + static_cast<Cycle>(rows);
      weights_free_ = start;
    }
    result.ready.push_back(start + static_cast<Cycle>(p.mac_cycles + p.accumulate_cycles));
  }
  result.last_start = start;
  drained_ = result.ready.back() + static_cast<Cycle>(rows);
  last_tag_ = tag;
  return result;
}

void MacArray::run(const Layer& layer, const Tile& tile, Cycle operands) {
  const auto& p = parameters_.gemm;
  const isa::Gemm& g = layer.descriptor->gemm;
  if (tile.rows * ceil_div(tile.columns, p.atomic_k) * p.atomic_k > p.accumulators) {
    throw device::Fault(fmt::format("{}: layer {} (step {}): {} x {} sums do not fit into the accumulator", name(),
                                    layer.index, layer.step, tile.rows, tile.columns));
  }
  if (check_) check_operands(layer, tile, operands);
  const Schedule s = schedule(layer, tile, operands);
  if (values_) compute(layer, tile);

  const Cycle end = s.last_start + static_cast<Cycle>(tile.rows);
  track_.array(layer.tag(), s.first_weights + static_cast<Cycle>(p.buffer_cycles),
               end + static_cast<Cycle>(p.mac_cycles));
  const auto pass_count = static_cast<std::int64_t>(passes(g.parts).size());
  const std::int64_t groups = ceil_div(tile.columns, p.atomic_k), blocks = ceil_div(tile.depth, p.atomic_c);
  const auto macs = static_cast<std::uint64_t>(tile.rows * tile.columns * tile.depth * pass_count);
  track_.count(mac_action_, macs, s.first_weights, end);
  track_.work(macs / static_cast<std::uint64_t>(pass_count));  // the other passes of fp32 are no work of the algorithm
  // A line per row and operation, and a line per kernel for the shadow weights.
  track_.count(read_action_,
               static_cast<std::uint64_t>((tile.rows * groups + tile.columns) * blocks * pass_count * 2 * p.atomic_c),
               s.first_weights, end);
  track_.count(sum_action_, static_cast<std::uint64_t>(tile.rows * tile.columns * blocks * pass_count * 8),
               s.first_weights, end);

  if (tile.a_release) buffer_.release(bank(g, tile, OperandPort::activations), g.a_banks, end);
  if (tile.b_release) buffer_.release(bank(g, tile, OperandPort::weights), g.b_banks, end);
  for (kit::Unit* loader : loaders_) loader->wake_at(end);
  if (tile.deliver) {
    delivery_free_ = never;
    sink_->deliver({tile, std::move(sums_), s.ready});
    sums_.clear();
  }
}

void MacArray::compute(const Layer& layer, const Tile& tile) {
  const isa::Gemm& g = layer.descriptor->gemm;
  const TilePlace a = place(g, tile, OperandPort::activations), w = place(g, tile, OperandPort::weights);
  const int channels = parameters_.gemm.atomic_c;
  if (tile.clear) sums_.assign(static_cast<std::size_t>(tile.rows * tile.columns), 0.0f);
  for (const numerics::Pass pass : passes(g.parts)) {
    for (std::int64_t channel = 0; channel < tile.depth; channel += channels) {
      array_operation(buffer_.at(a.word(0, pass.a, channel)), a.padded_depth, tile.rows,
                      buffer_.at(w.word(0, pass.b, channel)), w.padded_depth, static_cast<int>(tile.columns), channels,
                      sums_.data(), tile.columns);
    }
  }
}

void MacArray::check_operands(const Layer& layer, const Tile& tile, Cycle read) const {
  const isa::Gemm& g = layer.descriptor->gemm;
  for (const OperandPort port : {OperandPort::activations, OperandPort::weights}) {
    const TilePlace at = place(g, tile, port);
    const auto words = static_cast<std::size_t>(at.vectors * at.padded_depth * g.parts);
    for (std::size_t word = 0; word < words; word += static_cast<std::size_t>(buffer_.line_words())) {
      const Cycle valid = buffer_.valid_from(at.begin + word);
      if (valid <= read) continue;
      throw device::Fault(fmt::format(
          "hazard at cycle {}: {} reads line {} of the buffer ({} of layer {}, step {}), which {}", read, name(),
          (at.begin + word) / static_cast<std::size_t>(buffer_.line_words()),
          port == OperandPort::activations ? "activations" : "weights", layer.index, layer.step,
          valid == never ? std::string("holds no valid data") : fmt::format("is valid from cycle {} on", valid)));
    }
  }
}

std::string MacArray::waits_for() const {
  if (layers_.empty()) return {};
  const Layer& layer = layers_.front();
  if (loaded_[0].empty()) return fmt::format("activations of layer {} (step {})", layer.index, layer.step);
  if (loaded_[1].empty()) return fmt::format("weights of layer {} (step {})", layer.index, layer.step);
  return fmt::format("layer {} (step {}): the point-wise engine to read the delivery buffer", layer.index, layer.step);
}

}  // namespace triad::asic
