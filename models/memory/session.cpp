#include "models/memory/session.hpp"

#include "models/kit/outcome.hpp"
#include "models/memory/image.hpp"

namespace triad::memory {

Session::Session(const device::Job& job, const device::RunOptions& options, std::uint64_t clock_hz,
                 const graph::Graph& executed, const kit::MemoryMap* map)
    : job_(job),
      options_(options),
      executed_(executed),
      map_(map),
      recorder_(clock_hz, executed.ops.size()),
      clock_(clock_hz),
      end_("end", clock_) {
  kit::bound(agenda_, clock_, options_);
  agenda_.on_rest([this] { at_rest(); });
}

void Session::attach(Memory& memory, std::vector<const kit::Unit*> units) {
  memory_ = &memory;
  units_ = std::move(units);
  units_.push_back(&memory);
}

void Session::start(std::function<void()> ended) {
  ended_ = std::move(ended);
  begin();
  agenda_.begin();
}

/// The run is over at the end of its last step's last cycle, which a unit may know before.
void Session::at_rest() {
  if (told_) return;
  if (!closed_ && !agenda_.failure() && finished()) {
    closed_ = true;
    try {
      const kit::Time end = close();
      memory_->finish(end);
      recorder_.finish(end);
      agenda_.bound(~kit::Time{0});
      end_.wake_at_time(end);
      return;
    } catch (...) {
      agenda_.fail(std::current_exception());
    }
  }
  told_ = true;
  ended_();
}

std::uint64_t Session::cycles() const {
  return closed_ ? clock_.at(recorder_.length()) : clock_.after(agenda_.elapsed()) - 1;
}

device::RunResult Session::finish() {
  kit::demand_finished(agenda_, units_, clock_, options_, closed_);
  device::RunResult result = describe();
  result.clock_hz = static_cast<double>(clock_.hz());
  result.read_bytes = memory_->read_bytes();
  result.written_bytes = memory_->written_bytes();
  kit::fill(result, recorder_, job_, executed_);
  memory_->fetch();
  if (map_ != nullptr) read_back(memory_->contents(), *map_, job_, result);
  return result;
}

device::RunResult Session::run() {
  start([] { sc_core::sc_pause(); });
  sc_core::sc_start();
  return finish();
}

void Session::read_memory(std::uint64_t address, std::byte* out, std::uint64_t bytes) {
  memory_->contents().read(address, out, bytes);
}

void Session::write_memory(std::uint64_t address, const std::byte* in, std::uint64_t bytes) {
  memory_->poke(address, in, bytes);
}

device::Place Session::place(graph::TensorId id) const {
  const kit::StepAddress& at = map_->address(id);
  return {at.base, static_cast<std::uint64_t>(job_.graph.tensor(id).bytes()), at.stride, at.period};
}

std::optional<device::Place> Session::find(const std::string& name) const {
  for (graph::TensorId id = 0; map_ != nullptr && id < static_cast<graph::TensorId>(job_.graph.tensors.size()); ++id) {
    if (job_.graph.tensor(id).name == name && map_->is_placed(id)) return place(id);
  }
  return std::nullopt;
}

std::optional<device::Place> Session::loss() const {
  if (map_ == nullptr || job_.graph.loss < 0) return std::nullopt;
  return place(job_.graph.loss);
}

}  // namespace triad::memory
