#include "models/asic/units/loader.hpp"

#include <fmt/format.h>

#include <cstring>

#include "sim/device/device.hpp"
#include "sim/numerics/format.hpp"

namespace triad::asic {

using activity::State;

Loader::Loader(const sc_core::sc_module_name& name, kit::Clock clock, OperandPort port, const Parameters& parameters,
               Buffer& buffer, Scoreboard& scoreboard, MemoryInterface& memory, TileSink& sink,
               activity::Recorder& recorder, const activity::Technology& technology)
    : Unit(name, clock),
      port_(port),
      parameters_(parameters),
      buffer_(buffer),
      scoreboard_(scoreboard),
      memory_(memory),
      sink_(sink),
      client_(memory.add_client(static_cast<const char*>(name))),
      track_(recorder, static_cast<const char*>(name), clock, activity::Resource::compute),
      write_action_(track_.add_action("buffer_bytes_written", technology.sram_picojoules_per_byte(
                                                                  static_cast<double>(parameters.gemm.bank_bytes)))) {
  scoreboard.subscribe(*this);
}

void Loader::program(const Layer& layer) {
  layers_.push_back(layer);
  wake_at(layer.enabled);
}

const isa::Matrix& Loader::matrix() const {
  const isa::Gemm& gemm = layers_.front().descriptor->gemm;
  return port_ == OperandPort::activations ? gemm.a : gemm.b;
}

Loader::Part Loader::part() const {
  const isa::Gemm& g = layers_.front().descriptor->gemm;
  const Tile t = loop_.tile();
  if (port_ == OperandPort::activations) {
    return {t.row, t.rows, t.channel, t.depth, g.a_bank + t.a_slot * g.a_banks, g.a_banks, t.a_reuse};
  }
  return {t.column, t.columns, t.channel, t.depth, g.b_bank + t.b_slot * g.b_banks, g.b_banks, t.b_reuse};
}

void Loader::fault(const std::string& what) const {
  const Layer& layer = layers_.front();
  throw device::Fault(fmt::format("{}: layer {} (step {}): {}", name(), layer.index, layer.step, what));
}

void Loader::check(const Part& t) const {
  const isa::Gemm& g = layers_.front().descriptor->gemm;
  if (t.banks < 1 || t.bank + t.banks > buffer_.banks()) fault("banks that the buffer does not have");
  if (g.parts != (g.storage == isa::Storage::fp32 ? 3 : 1)) fault("fp32 values have three parts, bf16 values one");
  const std::int64_t padded = ceil_div(t.depth, buffer_.line_words()) * buffer_.line_words();
  if (static_cast<std::uint64_t>(t.vectors) * static_cast<std::uint64_t>(padded * g.parts) > buffer_.words(t.banks)) {
    fault(
        fmt::format("a tile of {} x {} in {} parts does not fit into {} banks", t.vectors, t.depth, g.parts, t.banks));
  }
  const isa::Matrix& m = matrix();
  const bool a = port_ == OperandPort::activations;
  const auto product = [](const std::array<std::int64_t, 3>& e) { return e[0] * e[1] * e[2]; };
  if (product(m.v_extent) != (a ? g.rows : g.columns) || product(m.k_extent) != g.depth) {
    fault(fmt::format("an operand of {} vectors of {} channels in a product of {} x {} over {}", product(m.v_extent),
                      product(m.k_extent), g.rows, g.columns, g.depth));
  }
  if (m.guarded && (m.guard[0].divisor < 1 || m.guard[1].divisor < 1)) fault("a divisor of zero");
}

void Loader::step() {
  if (loading_ || layers_.empty()) return;
  const Layer& layer = layers_.front();
  if (layer.enabled > cycle()) return wake_at(layer.enabled);
  if (!started_) {
    const isa::Gemm& g = layer.descriptor->gemm;
    if (std::min({g.batches, g.rows, g.columns, g.depth, g.tile_rows, g.tile_columns, g.tile_depth}) < 1) {
      fault("an empty tile");
    }
    loop_ = TileLoop(g);
    started_ = true;
  }
  const Part next = part();
  check(next);
  if (next.reuse) {
    // The tile before stays where it is.
    current_ = next;
    sink_.loaded(port_, layer.index, std::max(layer.enabled, complete_));
    next_tile();
    return wake_at(cycle() + 1);
  }
  const Cycle run = layer.may_run(scoreboard_), banks = buffer_.free_at(next.bank, next.banks);
  const Cycle before = other_ == nullptr ? 0 : other_->loaded_at(layer.index);
  if (run == never || banks == never || before == never) return;  // woken when a layer is done, or loaded
  const Cycle begin_cycle = std::max({run, banks, before});
  if (begin_cycle > cycle()) return wake_at(begin_cycle);
  current_ = next;
  begin(next);
}

void Loader::begin(const Part& t) {
  loading_ = true;
  const Layer& layer = layers_.front();
  const isa::Gemm& g = layer.descriptor->gemm;
  buffer_.take(t.bank, t.banks);
  place_ = {buffer_.begin(t.bank), t.vectors, ceil_div(t.depth, buffer_.line_words()) * buffer_.line_words()};
  free_ = std::max(free_, cycle());
  first_write_ = never;
  const int bytes = isa::bytes_of(g.storage);
  const std::uint64_t address =
      layer.address(matrix().address) + static_cast<std::uint64_t>(loop_.tile().batch * matrix().batch_stride * bytes);
  footprint_.emplace(matrix(), address, bytes, t.vector, t.vectors, t.channel, t.depth);
  std::vector<memory::Request> requests;
  for (const Rows& rows : footprint_->rows()) bursts(requests, rows, parameters_.burst_bytes, false, layer.tag());
  if (memory_.values()) staged_.resize(static_cast<std::size_t>(footprint_->elements() * bytes));
  outstanding_ = requests.size();
  for (const memory::Request& request : requests) {
    Transfer transfer;
    transfer.request = request;
    transfer.from = cycle() + 1;
    transfer.done = [this, request](Cycle first, Cycle last, const std::vector<std::byte>& data) {
      arrived(request, first, last, data);
    };
    memory_.submit(client_, std::move(transfer));
  }
  if (outstanding_ == 0) {  // all of it is padding
    first_write_ = free_;
    finish();
  }
}

void Loader::arrived(const memory::Request& request, Cycle first, Cycle last, const std::vector<std::byte>& data) {
  const isa::Gemm& g = layers_.front().descriptor->gemm;
  const auto elements = static_cast<std::int64_t>(request.bytes()) / isa::bytes_of(g.storage);
  const Cycle from = std::max(free_, first);
  const Cycle writes = static_cast<Cycle>(ceil_div(elements, parameters_.gemm.loader_lanes));
  const Cycle to = std::max(from + writes, last + 1);
  first_write_ = std::min(first_write_, from);
  track_.state(State::memory, request.tag, free_, to - writes);
  track_.state(State::busy, request.tag, to - writes, to);
  free_ = to;
  if (!data.empty()) {
    for (std::uint64_t row = 0; row < request.rows; ++row) {
      footprint_->store(request.address + static_cast<std::uint64_t>(static_cast<std::int64_t>(row) * request.stride),
                        request.row_bytes, data.data() + row * request.row_bytes, staged_);
    }
  }
  if (--outstanding_ == 0) finish();
}

void Loader::expand() {
  const isa::Gemm& g = layers_.front().descriptor->gemm;
  const std::int64_t words = place_.vectors * place_.padded_depth * g.parts;
  std::memset(buffer_.at(place_.begin), 0, sizeof(std::uint16_t) * static_cast<std::size_t>(words));
  footprint_->expand(staged_, [&](std::int64_t vector, std::int64_t channel, const std::byte* element) {
    if (g.parts == 1) {
      std::memcpy(buffer_.at(place_.word(vector, 0, channel)), element, 2);
      return;
    }
    float value;
    std::memcpy(&value, element, 4);
    for (int part = 0; part < g.parts; ++part) {
      *buffer_.at(place_.word(vector, part, channel)) = numerics::bf16_bits(numerics::bf16_part(value, part));
    }
  });
}

void Loader::finish() {
  const Layer& layer = layers_.front();
  const isa::Gemm& g = layer.descriptor->gemm;
  if (memory_.values()) expand();
  loading_ = false;
  // An image that many windows see, or a value in three parts, takes longer to write than to read: whole lines, one a
  // cycle at the least.
  const std::int64_t lines_per_cycle = std::max(1, parameters_.gemm.loader_lanes / buffer_.line_words());
  const std::int64_t blocks = place_.padded_depth / buffer_.line_words();
  const Cycle lines = first_write_ + static_cast<Cycle>(ceil_div(place_.vectors * blocks * g.parts, lines_per_cycle));
  track_.state(State::busy, layer.tag(), free_, std::max(free_, lines));
  complete_ = free_ = std::max(free_, lines);
  track_.count(write_action_, static_cast<std::uint64_t>(current_.vectors * current_.depth * g.parts * 2), first_write_,
               complete_);
  const isa::Matrix& m = matrix();
  const bool across = m.guarded || (m.v_stride[2] == 1 && m.k_stride[2] != 1);
  const bool turned = across && current_.vectors > 1 && current_.depth > 1;
  if (turned) {
    // Memory brings vectors side by side: the last square is turned, its columns leave in as many cycles as it has
    // rows.
    const Cycle end = complete_ + static_cast<Cycle>(parameters_.gemm.loader_lanes);
    track_.state(State::drain, layer.tag(), complete_, end);
    complete_ = free_ = end;
  }
  const auto words = static_cast<std::size_t>(place_.vectors * place_.padded_depth * g.parts);
  for (std::size_t word = 0; word < words; word += static_cast<std::size_t>(buffer_.line_words())) {
    buffer_.valid_from(place_.begin + word, complete_);
  }
  sink_.loaded(port_, layer.index, complete_);
  next_tile();
  wake_at(complete_);
}

void Loader::next_tile() {
  loop_.next();
  if (!loop_.done()) return;
  layers_.pop_front();
  started_ = false;
  loaded_.push_back(complete_);
  if (other_ != nullptr) other_->wake_at(std::max(complete_, cycle() + 1));
}

/// When all layers before this one lie in the buffer, or did.
Cycle Loader::loaded_at(std::int64_t index) const {
  if (index == 0) return 0;
  return index <= static_cast<std::int64_t>(loaded_.size()) ? loaded_[static_cast<std::size_t>(index - 1)] + 1 : never;
}

std::string Loader::waits_for() const {
  if (loading_) return fmt::format("{} requests of layer {}", outstanding_, layers_.front().index);
  if (layers_.empty()) return {};
  const std::string layers = layers_.front().waits_for(scoreboard_);
  if (!layers.empty()) return layers;
  if (!started_) return fmt::format("layer {} has not begun", layers_.front().index);
  const Part next = part();
  if (!next.reuse && buffer_.free_at(next.bank, next.banks) == never) {
    return fmt::format("layer {} waits for banks {}..{} to be released", layers_.front().index, next.bank,
                       next.bank + next.banks - 1);
  }
  if (other_ != nullptr && other_->loaded_at(layers_.front().index) == never) {
    return fmt::format("layer {} waits for {} to load the layer before", layers_.front().index, other_->name());
  }
  return {};
}

}  // namespace triad::asic
