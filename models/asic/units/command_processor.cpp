#include "models/asic/units/command_processor.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "sim/device/device.hpp"

namespace triad::asic {

using activity::State;
using isa::Engine;
using isa::Field;

CommandProcessor::CommandProcessor(const sc_core::sc_module_name& name, kit::Clock clock, const Parameters& parameters,
                                   const Program& program, int steps, Scoreboard& scoreboard, MemoryInterface& memory,
                                   activity::Recorder& recorder, const activity::Technology& technology)
    : Unit(name, clock),
      parameters_(parameters),
      program_(program),
      scoreboard_(scoreboard),
      memory_(memory),
      client_(memory.add_client("command processor")),
      track_(recorder, "command", clock, activity::Resource::launch),
      command_action_(track_.add_action("layers", technology.picojoules("command"))),
      total_(static_cast<std::int64_t>(program.stream.size()) * steps) {
  scoreboard.subscribe(*this);
}

void CommandProcessor::start() {
  free_ = static_cast<Cycle>(std::ceil(parameters_.command.doorbell_seconds * static_cast<double>(clock().hz())));
  track_.state(State::launch, {}, 0, free_);
  wake_at(free_);
}

void CommandProcessor::fetch() {
  const auto size = static_cast<std::int64_t>(program_.stream.size());
  while (fetched_ < total_ && fetched_ - programmed_ < parameters_.command.prefetch) {
    const std::uint64_t address =
        program_.stream_base + static_cast<std::uint64_t>(fetched_ % size) * isa::descriptor_bytes;
    ++fetched_;
    Transfer transfer;
    transfer.request = {address, isa::descriptor_bytes, 1, 0, false, {}};
    transfer.from = cycle() + 1;
    fetching_.emplace_back();
    transfer.done = [this, number = fetched_ - 1](Cycle, Cycle last, const std::vector<std::byte>& bytes) {
      isa::Encoded words;
      std::memcpy(words.data(), bytes.data(), bytes.size());
      try {
        fetching_[static_cast<std::size_t>(number - programmed_)] = {last, isa::decode(words)};
      } catch (const std::invalid_argument& error) {
        throw device::Fault(fmt::format("command processor, cycle {}: {}", last, error.what()));
      }
      wake_at(last);
    };
    memory_.submit(client_, std::move(transfer));
  }
}

Layer CommandProcessor::layer(const isa::Descriptor& descriptor) const {
  Layer layer;
  layer.descriptor = descriptor;
  layer.step = static_cast<int>(programmed_ / static_cast<std::int64_t>(program_.stream.size()));
  layer.index = count_[static_cast<std::size_t>(descriptor.engine())];
  for (int e = 0; e < isa::engine_count; ++e) {
    layer.waits[static_cast<std::size_t>(e)] =
        descriptor.wait(static_cast<Engine>(e)) + layer.step * program_.layers[static_cast<std::size_t>(e)];
  }
  const auto stream = [&](Field base) {
    const auto field = [&](int offset) { return descriptor.get(static_cast<Field>(static_cast<int>(base) + offset)); };
    const kit::StepAddress address{static_cast<std::uint64_t>(field(0)), static_cast<std::uint64_t>(field(1)),
                                   static_cast<std::uint64_t>(std::max<std::int64_t>(1, field(2)))};
    return Stream{address.at(layer.step), field(3)};
  };
  layer.a = stream(Field::a_base);
  layer.b = stream(Field::b_base);
  layer.c = stream(Field::c_base);
  layer.out = stream(Field::out_base);
  return layer;
}

void CommandProcessor::step() {
  fetch();
  if (fetching_.empty() || fetching_.front().arrived == never) return;
  const auto& [arrived, descriptor] = fetching_.front();
  const auto engine = static_cast<std::size_t>(descriptor.engine());
  const Cycle group =
      scoreboard_.ready_at(descriptor.engine(), count_[engine] - parameters_.command.register_groups + 1);
  if (group == never) return;  // woken when a layer is done
  const Cycle begin = std::max({arrived, group, free_});
  if (begin > cycle()) return wake_at(begin);

  Layer next = layer(descriptor);
  const Cycle writes = static_cast<Cycle>((isa::descriptor_words + parameters_.command.writes_per_cycle - 1) /
                                          parameters_.command.writes_per_cycle);
  const Cycle end = begin + writes;
  track_.state(State::memory, {}, free_, std::clamp(arrived, free_, begin));
  track_.state(State::barrier, {}, std::clamp(arrived, free_, begin), begin);
  track_.state(State::launch, next.tag(), begin, end);
  track_.count(command_action_, 1, begin, end);
  next.enabled = end + 1;
  for (LayerSink* sink : sinks_[engine]) sink->program(next);
  ++count_[engine];
  ++programmed_;
  free_ = end;
  fetching_.pop_front();
  wake_at(end);
}

std::string CommandProcessor::waits_for() const {
  if (finished()) return {};
  if (fetching_.empty() || fetching_.front().arrived == never)
    return fmt::format("descriptor {} of {}", programmed_, total_);
  const isa::Descriptor& next = fetching_.front().descriptor;
  const auto engine = static_cast<std::size_t>(next.engine());
  return fmt::format("a register group of {}: {} layers programmed, {} done", isa::to_string(next.engine()),
                     count_[engine], scoreboard_.layers(next.engine()));
}

}  // namespace triad::asic
