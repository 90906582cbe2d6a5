#include "models/asic/units/command_processor.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "sim/device/device.hpp"

namespace triad::asic {

using activity::State;
using isa::Engine;

CommandProcessor::CommandProcessor(const sc_core::sc_module_name& name, kit::Clock clock, const Parameters& parameters,
                                   const Program& program, std::int64_t lines, int steps, Scoreboard& scoreboard,
                                   MemoryInterface& memory, activity::Recorder& recorder,
                                   const activity::Technology& technology)
    : Unit(name, clock),
      parameters_(parameters),
      program_(program),
      scoreboard_(scoreboard),
      memory_(memory),
      client_(memory.add_client("command processor")),
      track_(recorder, "command", clock, activity::Resource::launch),
      command_action_(track_.add_action("layers", technology.picojoules("command"))),
      lines_(lines),
      total_(lines * steps) {
  scoreboard.subscribe(*this);
}

void CommandProcessor::start() {
  free_ = static_cast<Cycle>(std::ceil(parameters_.command.doorbell_seconds * static_cast<double>(clock().hz())));
  track_.state(State::launch, {}, 0, free_);
  wake_at(free_);
}

void CommandProcessor::fetch() {
  while (fetched_ < total_ && fetched_ - taken_ < parameters_.command.prefetch) {
    const std::uint64_t address =
        program_.stream_base + static_cast<std::uint64_t>(fetched_ % lines_) * isa::line_bytes;
    ++fetched_;
    Transfer transfer;
    transfer.request = {address, isa::line_bytes, 1, 0, false, {}};
    transfer.from = cycle() + 1;
    transfer.control = true;
    fetching_.emplace_back();
    transfer.done = [this, number = fetched_ - 1](Cycle, Cycle last, const std::vector<std::byte>& bytes) {
      Line& line = fetching_[static_cast<std::size_t>(number - taken_)];
      line.arrived = last;
      std::memcpy(line.words.data(), bytes.data(), bytes.size());
      wake_at(last);
    };
    memory_.submit(client_, std::move(transfer));
  }
}

Layer CommandProcessor::layer() const {
  Layer layer;
  try {
    layer.descriptor = std::make_shared<isa::Descriptor>(isa::decode(words_));
  } catch (const std::invalid_argument& error) {
    throw device::Fault(fmt::format("command processor, cycle {}: {}", cycle(), error.what()));
  }
  layer.step = static_cast<int>(taken_ / lines_);
  layer.index = count_[static_cast<std::size_t>(layer.descriptor->engine)];
  for (std::size_t e = 0; e < layer.waits.size(); ++e) {
    layer.waits[e] = layer.descriptor->wait[e] + layer.step * program_.layers[e];
  }
  return layer;
}

void CommandProcessor::step() {
  fetch();
  if (fetching_.empty() || fetching_.front().arrived == never) return;
  const Line& line = fetching_.front();
  const auto engine = static_cast<std::size_t>((left_ == 0 ? line.words[0] >> 8 : words_[0] >> 8) & 0xf);
  const bool known = engine < isa::engine_count;  // what is not is an error when all of it is there
  const Cycle group =
      known && left_ == 0
          ? scoreboard_.ready_at(static_cast<Engine>(engine), count_[engine] - parameters_.command.register_groups + 1)
          : 0;
  if (group == never) return;  // woken when a layer is done
  const Cycle begin = std::max({line.arrived, group, free_});
  if (begin > cycle()) return wake_at(begin);

  if (left_ == 0) {
    left_ = isa::lines_of(line.words[0]);
    words_.clear();
  }
  words_.insert(words_.end(), line.words.begin(), line.words.end());
  --left_;
  const Cycle writes = static_cast<Cycle>((isa::line_words + parameters_.command.writes_per_cycle - 1) /
                                          parameters_.command.writes_per_cycle);
  const Cycle end = begin + writes;
  track_.state(State::memory, {}, free_, std::clamp(line.arrived, free_, begin));
  track_.state(State::barrier, {}, std::clamp(line.arrived, free_, begin), begin);
  if (left_ == 0) {
    Layer next = layer();
    // Without the op: a layer is programmed while its engine still works on the ones before, so the op begins with the
    // first thing that its engine does for it.
    track_.state(State::launch, {}, begin, end);
    track_.count(command_action_, 1, begin, end);
    next.enabled = end + 1;
    const auto of = static_cast<std::size_t>(next.descriptor->engine);
    for (LayerSink* sink : sinks_[of]) sink->program(next);
    ++count_[of];
  } else {
    track_.state(State::launch, {}, begin, end);
  }
  ++taken_;
  free_ = end;
  fetching_.pop_front();
  wake_at(end);
}

std::string CommandProcessor::waits_for() const {
  if (finished()) return {};
  if (fetching_.empty() || fetching_.front().arrived == never) {
    return fmt::format("line {} of {} of the command stream", taken_, total_);
  }
  const std::size_t engine = (fetching_.front().words[0] >> 8) & 0xf;
  if (engine >= isa::engine_count) return {};
  return fmt::format("a register group of {}: {} layers programmed, {} done",
                     isa::to_string(static_cast<Engine>(engine)), count_[engine],
                     scoreboard_.layers(static_cast<Engine>(engine)));
}

}  // namespace triad::asic
