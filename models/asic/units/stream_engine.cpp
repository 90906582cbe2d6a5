#include "models/asic/units/stream_engine.hpp"

#include <fmt/format.h>

#include <cstring>

#include "sim/device/device.hpp"

namespace triad::asic {

StreamEngine::StreamEngine(const sc_core::sc_module_name& name, kit::Clock clock, isa::Engine engine,
                           const Parameters& parameters, const Parameters::Stream& own, Scoreboard& scoreboard,
                           MemoryInterface& memory)
    : Unit(name, clock),
      parameters_(parameters),
      own_(own),
      memory_(memory),
      engine_(engine),
      scoreboard_(scoreboard),
      read_client_(memory.add_client(std::string(static_cast<const char*>(name)) + ".read")),
      write_client_(memory.add_client(std::string(static_cast<const char*>(name)) + ".write")),
      window_(std::max<std::size_t>(1, own.stream_bytes / parameters.burst_bytes)) {
  scoreboard.subscribe(*this);
}

void StreamEngine::program(const Layer& layer) {
  layers_.push_back(layer);
  wake_at(layer.enabled);
}

void StreamEngine::fault(const Layer& layer, const std::string& what) const {
  throw device::Fault(fmt::format("{}: layer {} (step {}): {}", name(), layer.index, layer.step, what));
}

void StreamEngine::step() {
  if (!running_) {
    if (layers_.empty()) return;
    const Layer& layer = layers_.front();
    if (layer.enabled > cycle()) return wake_at(layer.enabled);
    const Cycle run = layer.may_run(scoreboard_);
    if (run == never) return;  // woken when a layer is done
    const Cycle from = std::max(run, free_);
    if (from > cycle()) return wake_at(from);
    start();
  }
  read_ahead();
  compute_chunks();
}

void StreamEngine::start() {
  running_ = more_ = true;
  waiting_ = std::max(free_, layers_.front().enabled);
  writing_.push_back({layers_.front().index, 0, false, 0});
  begin(layers_.front());
}

void StreamEngine::read_ahead() {
  // The chunk that is being computed keeps its place in the read buffer until the pipeline has taken all of it.
  const std::size_t held = holds_ && free_ > cycle() ? 1 : 0;
  while (more_ && reading_ + held < window_ && chunks_.size() < 2 * window_ && may_continue()) {
    std::unique_ptr<Chunk> chunk = next(layers_.front());
    if (chunk == nullptr) {
      more_ = false;
      return;
    }
    read(*chunk);
    reading_ += chunk->reads.empty() ? 0 : 1;
    chunks_.push_back(std::move(chunk));
  }
}

void StreamEngine::read(Chunk& chunk) {
  chunk.operands.resize(chunk.reads.size());
  for (std::size_t o = 0; o < chunk.reads.size(); ++o) {
    std::size_t place = 0;
    for (const memory::Request& request : chunk.reads[o]) {
      Transfer transfer;
      transfer.request = request;
      transfer.indirect = !chunk.indirect.empty() && chunk.indirect[o];
      // The chunk lives until all of its requests are answered: it is computed after that.
      transfer.done = [this, to = &chunk, o, place](Cycle, Cycle last, const Bytes& data) {
        if (!data.empty()) {
          if (to->operands[o].size() < place + data.size()) to->operands[o].resize(place + data.size());
          std::memcpy(to->operands[o].data() + place, data.data(), data.size());
        }
        to->complete = std::max(to->complete, last);
        --to->missing;
        wake_at(last);
      };
      ++chunk.missing;
      place += request.bytes();
      memory_.submit(read_client_, std::move(transfer));
    }
  }
}

void StreamEngine::compute_chunks() {
  while (running_) {
    if (chunks_.empty()) {
      if (!more_) return end_layer();
      read_ahead();
      if (chunks_.empty() && more_) return;  // woken by what it waits for
      continue;
    }
    Chunk& chunk = *chunks_.front();
    if (chunk.missing > 0) return;
    const Ready there = ready(chunk);
    if (there.from == never) return;
    if (writes_ >= window_) {
      stalled_ = true;
      return;  // woken when a write is done
    }
    const Cycle begin = std::max({chunk.complete, free_ + chunk.gap, there.from, stalled_ ? cycle() : 0});
    if (begin > cycle() && !chunk.ahead) return wake_at(begin);
    stalled_ = false;
    const Cycle end = std::max(begin + chunk.cycles, there.complete);
    const Layer& layer = layers_.front();
    record(layer, chunk, waiting_, begin, end);
    for (Write& result : compute(layer, chunk))
      write(std::move(result), end + static_cast<Cycle>(own_.pipeline_cycles));
    taken(layer, chunk, end);
    free_ = waiting_ = end;
    holds_ = !chunk.reads.empty();
    reading_ -= holds_ ? 1 : 0;
    chunks_.pop_front();
    if (chunks_.empty() && more_) read_ahead();
    // The chunk has left its place in the read buffer at `end`.
    if (holds_ && !(chunks_.empty() && !more_)) return wake_at(end);
  }
}

void StreamEngine::write(Write result, Cycle from) {
  std::size_t place = 0;
  const auto left = std::make_shared<std::size_t>(result.requests.size());
  for (const memory::Request& request : result.requests) {
    ++writing_.back().missing;
    ++writes_;
    Transfer transfer;
    transfer.request = request;
    transfer.from = from;
    transfer.indirect = result.indirect;
    if (!result.data.empty()) {
      const auto first = result.data.begin() + static_cast<std::ptrdiff_t>(place);
      transfer.data.assign(first, first + static_cast<std::ptrdiff_t>(request.bytes()));
      place += request.bytes();
    }
    transfer.done = [this, index = writing_.back().index, left, done = result.done](Cycle, Cycle last, const Bytes&) {
      for (Writing& layer : writing_) {
        if (layer.index != index) continue;
        layer.complete = std::max(layer.complete, last);
        --layer.missing;
      }
      if (--*left == 0 && done) done();
      --writes_;
      if (stalled_) wake_at(last);
      retire();
    };
    memory_.submit(write_client_, std::move(transfer));
  }
}

void StreamEngine::end_layer() {
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

void StreamEngine::request(std::vector<memory::Request>& requests, const std::vector<Rows>& rows, bool write,
                           const Layer& layer) const {
  for (const Rows& part : rows) bursts(requests, part, parameters_.burst_bytes, write, layer.tag());
}

std::string StreamEngine::waits_for() const {
  if (running_) {
    const std::string what = not_ready(layers_.front());
    return what.empty() ? fmt::format("operands of layer {} (step {})", layers_.front().index, layers_.front().step)
                        : what;
  }
  if (!layers_.empty()) return layers_.front().waits_for(scoreboard_);
  if (!writing_.empty()) return fmt::format("writes of layer {}", writing_.front().index);
  return {};
}

}  // namespace triad::asic
