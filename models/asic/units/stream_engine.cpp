#include "models/asic/units/stream_engine.hpp"

#include <fmt/format.h>

#include <cstring>

#include "sim/device/device.hpp"

namespace triad::asic {

StreamEngine::StreamEngine(const sc_core::sc_module_name& name, kit::Clock clock, isa::Engine engine,
                           const Parameters& parameters, int pipeline_cycles, Scoreboard& scoreboard,
                           MemoryInterface& memory)
    : Unit(name, clock),
      parameters_(parameters),
      engine_(engine),
      pipeline_cycles_(static_cast<Cycle>(pipeline_cycles)),
      scoreboard_(scoreboard),
      memory_(memory),
      read_client_(memory.add_client(std::string(static_cast<const char*>(name)) + ".read")),
      write_client_(memory.add_client(std::string(static_cast<const char*>(name)) + ".write")) {
  scoreboard.subscribe(*this);
}

void StreamEngine::program(const Layer& layer) {
  layers_.push_back(layer);
  wake_at(layer.enabled);
}

void StreamEngine::step() {
  if (!running_) {
    if (layers_.empty()) return;
    const Layer& layer = layers_.front();
    if (layer.enabled > cycle()) return wake_at(layer.enabled);
    const Cycle run = layer.may_run(scoreboard_);
    if (run == never || !not_ready(layer).empty()) return;  // woken when a layer is done or a product delivered
    const Cycle start = std::max(run, free_);
    if (start > cycle()) return wake_at(start);
    begin();
  }
  read_chunks();
  compute_chunks();
}

void StreamEngine::check_size(const Layer& layer) const {
  const std::int64_t rows = layer.get(isa::Field::rows), columns = layer.get(isa::Field::columns);
  const std::uint64_t most = memory_.capacity() / 2;  // elements of two bytes
  if (rows < 1 || columns < 1 || static_cast<std::uint64_t>(rows) > most / static_cast<std::uint64_t>(columns)) {
    throw device::Fault(
        fmt::format("{}: layer {} (step {}): {} x {} elements", name(), layer.index, layer.step, rows, columns));
  }
}

void StreamEngine::begin() {
  running_ = true;
  const Layer& layer = layers_.front();
  plan_ = plan(layer);
  arrivals_.assign(plan_.chunks.size(), {});
  reads_ = computed_ = 0;
  waiting_ = std::max(free_, layer.enabled);
  writing_.push_back({layer.index, 0, false, 0});
  preload_missing_ = plan_.preload.size();
  preload_complete_ = 0;
  preload_.clear();
  std::size_t bytes = 0;
  for (const memory::Request& request : plan_.preload) {
    const std::size_t place = bytes;
    bytes += request.bytes();
    Transfer transfer;
    transfer.request = request;
    transfer.done = [this, place](Cycle, Cycle last, const Bytes& data) {
      std::memcpy(preload_.data() + place, data.data(), data.size());
      preload_complete_ = std::max(preload_complete_, last);
      if (--preload_missing_ == 0) preloaded(preload_);
      wake_at(last);
    };
    memory_.submit(read_client_, std::move(transfer));
  }
  preload_.resize(bytes);
}

void StreamEngine::read_chunks() {
  if (plan_.operands.empty()) reads_ = plan_.chunks.size();
  // The chunk that is being computed keeps its place in the read buffer until the pipeline has taken all of it.
  const std::size_t gone = computed_ - (computed_ > 0 && free_ > cycle() ? 1 : 0);
  while (reads_ < plan_.chunks.size() && reads_ - gone < plan_.window) read_chunk(reads_++);
}

std::vector<memory::Request> StreamEngine::requests(const Matrix& matrix, const Chunk& chunk, bool write) const {
  const std::int64_t column = matrix.one_per_row ? 0 : chunk.column, columns = matrix.one_per_row ? 1 : chunk.columns;
  return bursts(matrix.address + static_cast<std::uint64_t>(chunk.row * matrix.pitch + column * matrix.element_bytes),
                static_cast<std::uint64_t>(chunk.rows), static_cast<std::uint64_t>(columns * matrix.element_bytes),
                matrix.pitch, parameters_.burst_bytes, write, layers_.front().tag());
}

void StreamEngine::read_chunk(std::size_t index) {
  const Chunk& chunk = plan_.chunks[index];
  Arrival& arrival = arrivals_[index];
  arrival.operands.resize(plan_.operands.size());
  for (std::size_t o = 0; o < plan_.operands.size(); ++o) {
    const std::vector<memory::Request> reads = requests(plan_.operands[o], chunk, false);
    std::size_t bytes = 0;
    for (const memory::Request& request : reads) bytes += request.bytes();
    arrival.operands[o].resize(bytes);
    arrival.missing += reads.size();
    std::size_t place = 0;
    for (const memory::Request& request : reads) {
      Transfer transfer;
      transfer.request = request;
      transfer.done = [this, index, o, place](Cycle, Cycle last, const Bytes& data) {
        Arrival& to = arrivals_[index];
        std::memcpy(to.operands[o].data() + place, data.data(), data.size());
        to.complete = std::max(to.complete, last);
        --to.missing;
        wake_at(last);
      };
      memory_.submit(read_client_, std::move(transfer));
      place += request.bytes();
    }
  }
}

void StreamEngine::compute_chunks() {
  while (running_ && computed_ < reads_) {
    const Arrival& arrival = arrivals_[computed_];
    const Chunk& chunk = plan_.chunks[computed_];
    if (arrival.missing > 0 || preload_missing_ > 0) return;
    const Cycle begin = std::max({arrival.complete, preload_complete_, free_, chunk.ready});
    // What does not come from memory is known ahead: such a layer is scheduled as a whole.
    if (begin > cycle() && !plan_.operands.empty()) return wake_at(begin);
    const Cycle end = std::max(begin + chunk.cycles, chunk.complete);
    const Layer& layer = layers_.front();
    record(layer, chunk, waiting_, begin, end);
    const std::vector<Bytes> results = compute(layer, chunk, arrival.operands);
    for (std::size_t r = 0; r < plan_.results.size(); ++r) {
      std::size_t place = 0;
      for (const memory::Request& request : requests(plan_.results[r], chunk, true)) {
        const auto from = results[r].begin() + static_cast<std::ptrdiff_t>(place);
        write(request, Bytes(from, from + static_cast<std::ptrdiff_t>(request.bytes())), end + pipeline_cycles_);
        place += request.bytes();
      }
    }
    arrivals_[computed_].operands.clear();
    free_ = waiting_ = end;
    if (++computed_ == plan_.chunks.size()) {
      end_layer();
    } else if (!plan_.operands.empty()) {
      // The chunk has left its place in the read buffer at `end`.
      return wake_at(end);
    }
  }
}

void StreamEngine::write(memory::Request request, Bytes data, Cycle from) {
  ++writing_.back().missing;
  Transfer transfer;
  transfer.request = request;
  transfer.from = from;
  transfer.data = std::move(data);
  transfer.done = [this, index = writing_.back().index](Cycle, Cycle last, const Bytes&) {
    for (Writing& layer : writing_) {
      if (layer.index != index) continue;
      layer.complete = std::max(layer.complete, last);
      --layer.missing;
    }
    retire();
  };
  memory_.submit(write_client_, std::move(transfer));
}

void StreamEngine::end_layer() {
  const Layer& layer = layers_.front();
  free_ += plan_.tail;
  for (auto& [request, data] : finish(layer)) write(request, std::move(data), free_ + pipeline_cycles_);
  taken(layer, free_);
  writing_.back().all_submitted = true;
  layers_.pop_front();
  running_ = false;
  retire();
  wake_at(free_);
}

void StreamEngine::retire() {
  while (!writing_.empty() && writing_.front().all_submitted && writing_.front().missing == 0) {
    scoreboard_.done(engine_, writing_.front().complete + static_cast<Cycle>(parameters_.command.done_cycles));
    writing_.pop_front();
  }
}

std::string StreamEngine::waits_for() const {
  if (running_) return fmt::format("operands of layer {} (step {})", layers_.front().index, layers_.front().step);
  if (!layers_.empty()) {
    const std::string layers = layers_.front().waits_for(scoreboard_);
    return layers.empty() ? not_ready(layers_.front()) : layers;
  }
  if (!writing_.empty()) return fmt::format("writes of layer {}", writing_.front().index);
  return {};
}

}  // namespace triad::asic
