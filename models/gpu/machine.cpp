#include "models/gpu/machine.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace triad::gpu {

using activity::Resource;
using activity::State;
using activity::Tag;

Machine::Machine(const sc_core::sc_module_name& name, const Parameters& parameters, const GpuProgram& program,
                 int steps, memory::Memory& memory, activity::Recorder& recorder,
                 const activity::Technology& technology, bool check)
    : Unit(name, kit::Clock(parameters.clock_hz)),
      parameters_(parameters),
      program_(program),
      steps_(steps),
      memory_(memory),
      l2_(parameters.l2
              ? std::make_unique<L2>("l2", clock(), *parameters.l2, parameters.sms, memory, recorder, technology)
              : nullptr),
      recorder_(recorder),
      front_end_(kit::Track(recorder, "frontend", clock(), Resource::launch)),
      launched_action_(front_end_.track().add_action("kernel_launches", technology.picojoules("command"))) {
  sms_.reserve(static_cast<std::size_t>(parameters.sms));
  for (int s = 0; s < parameters.sms; ++s) {
    const kit::Track track(recorder, fmt::format("sm{}", s), clock(), Resource::none);
    sms_.emplace_back(s, parameters.sm, memory.contents(), std::max(memory.parameters().capacity, program.memory_bytes),
                      track, technology, parameters.clock_hz, check);
    if (!program.values) sms_.back().without_values();
  }
  if (program.launches.empty() || steps == 0) {
    phase_ = Phase::done;
  } else {
    prepare_launch(0);
    wake_at(launch_end_);
  }
}

void Machine::step() {
  if (phase_ != Phase::done) advance(cycle());
}

void Machine::advance(Cycle now) {
  while (!credits_.empty() && credits_.front() <= now) {
    credits_.pop_front();
    --requests_;
  }
  if (phase_ == Phase::ending && l2_ && memory_.parameters().kind == memory::Kind::tlm) {
    // The user's memory is to hold what the run has made; ours need not.
    phase_ = Phase::flushing;
    return l2_->flush([this] {
      phase_ = Phase::done;
      wake_at(cycle() + 1);
    });
  }
  if (phase_ == Phase::ending) phase_ = Phase::done;
  if (phase_ == Phase::flushing || phase_ == Phase::done) return;
  if (phase_ == Phase::launching) {
    if (now < launch_end_) return wake_at(launch_end_);
    begin_kernel(now);
  }
  if (now >= window_end_) {
    run_window(now);
    const bool stores = std::ranges::any_of(sms_, [](const Sm& sm) { return sm.stores_outstanding() > 0; });
    if (finished_ == blocks_ && !stores) return end_kernel();
  }
  const bool credits_left = send(now);
  const Cycle next = next_cycle(now, credits_left);
  if (next != never) wake_at(next);
}

void Machine::run_window(Cycle now) {
  window_end_ = now + parameters_.horizon();
  dispatch(window_end_);
  std::uint64_t busy = 0, working = 0;
  for (std::size_t s = 0; s < sms_.size(); ++s) {
    sms_[s].run(window_end_);
    std::deque<Cycle>& finished = sms_[s].finished_blocks();
    for (; !finished.empty(); finished.pop_front()) {
      room_[s].freed.push_back(finished.front() + static_cast<Cycle>(parameters_.block_latency_cycles));
      ++finished_;
    }
    const Cycle issued = sms_[s].take_busy_cycles();
    busy += issued;
    working += issued > 0 || sms_[s].has_blocks() ? 1 : 0;
  }
  // The chip computes for the mean of its SMs' busy cycles: one of a hundred that issues does not make it compute.
  constexpr std::uint64_t unit = 1 << 20;
  if (working == 0) return;
  computed_ += busy * unit / working;
  const Cycle from = std::max(now, covered_), to = from + computed_ / unit;
  front_end_.track().cover(Resource::compute, run_->tag, from, to);
  covered_ = to;
  computed_ %= unit;
}

/// The next launch takes its time from now on.
void Machine::prepare_launch(Cycle now) {
  launch_begin_ = now;
  const kit::Time done = clock().time_of(now) + static_cast<kit::Time>(std::llround(parameters_.launch_latency * 1e15));
  launch_end_ = std::max(now + 1, clock().at(done));
  phase_ = Phase::launching;
}

void Machine::begin_kernel(Cycle now) {
  const PlannedLaunch& planned = program_.launches[launch_];
  const Tag tag{planned.op, step_};
  front_end_.add(State::launch, tag, launch_begin_, now);
  front_end_.track().count(launched_action_, 1, launch_begin_, now);
  std::vector<std::uint64_t> arguments;
  for (const Argument& argument : planned.arguments) arguments.push_back(argument.value.at(step_));
  const Code& code = program_.codes[planned.code];
  run_ = std::make_unique<KernelRun>(code, make_launch(code.kernel(), planned.grid, planned.block, arguments), tag);
  run_->control = planned.control;
  for (Sm& sm : sms_) {
    sm.wait_for_launch(tag, launch_begin_, now);
    sm.begin(*run_);
  }
  room_.clear();
  for (const Sm& sm : sms_) room_.push_back({sm.room(), {}});
  next_block_ = finished_ = 0;
  blocks_ = planned.grid.count();
  next_dispatch_ = window_end_ = now;
  dispatch_to_ = 0;
  phase_ = Phase::running;
}

/// The first cycle in which an SM has room for a block.
Cycle Machine::next_room(std::size_t sm) const {
  const Room& room = room_[sm];
  return room.blocks > 0 ? 0 : room.freed.empty() ? never : room.freed.front();
}

/// Hands out blocks up to cycle `until`, one every `dispatch_cycles` to the next SM in turn that has room.
void Machine::dispatch(Cycle until) {
  while (next_block_ < blocks_) {
    Cycle at = never;
    std::size_t chosen = 0;
    for (std::size_t k = 0; k < sms_.size() && at > next_dispatch_; ++k) {
      const std::size_t s = (dispatch_to_ + k) % sms_.size();
      const Cycle room = std::max(next_dispatch_, next_room(s));
      if (room < at) at = room, chosen = s;
    }
    if (at >= until) return;
    Room& room = room_[chosen];
    if (room.blocks > 0) {
      --room.blocks;
    } else {
      room.freed.pop_front();
    }
    const Dimensions& grid = run_->launch.grid;
    const Dimensions index{static_cast<std::uint32_t>(next_block_ % grid.x),
                           static_cast<std::uint32_t>(next_block_ / grid.x % grid.y),
                           static_cast<std::uint32_t>(next_block_ / grid.x / grid.y)};
    sms_[chosen].dispatch(index, at);
    front_end_.add(State::busy, run_->tag, at, at + 1);
    ++next_block_;
    dispatch_to_ = chosen + 1;
    next_dispatch_ = at + static_cast<Cycle>(parameters_.dispatch_cycles);
  }
}

/// Sends what the SMs have ready to memory, one request per SM and turn, while there are credits.
bool Machine::send(Cycle now) {
  const std::size_t n = sms_.size();
  const auto due = [&](std::size_t s) {
    return !sms_[s].outgoing().empty() && sms_[s].outgoing().front().cycle <= now;
  };
  senders_.clear();
  for (std::size_t k = 0; k < n; ++k) {
    const std::size_t s = send_from_ + k < n ? send_from_ + k : send_from_ + k - n;
    if (due(s)) senders_.push_back(s);
  }
  for (bool any = true; any;) {
    any = false;
    for (const std::size_t s : senders_) {
      if (!due(s)) continue;
      auto& outgoing = sms_[s].outgoing();
      if (requests_ >= credits()) {
        send_from_ = s;
        return false;
      }
      const int access = outgoing.front().access;
      const int number = static_cast<int>(s);  // three words would not fit into a std::function without allocation
      const auto done = [this, number, access](const memory::Completion& c) { completed(number, access, c.last); };
      if (l2_ != nullptr) {
        l2_->send(number, outgoing.front().request, done);
      } else if (!memory_.accept(outgoing.front().request, done)) {
        throw std::logic_error("memory refused a request within its credits");
      }
      outgoing.pop_front();
      ++requests_;
      any = true;
    }
  }
  return true;
}

/// The chip sees a completion at the first edge strictly later; the rest of the SM's own latency follows.
void Machine::completed(int sm, int access, kit::Time at) {
  const Cycle seen = clock().after(at);
  const int latency = parameters_.sm.global_latency_cycles;
  const Cycle there = seen + static_cast<Cycle>(latency - latency / 2);
  credits_.push_back(seen);
  sms_[static_cast<std::size_t>(sm)].completed(access, there);
  wake_at(requests_ >= credits() ? seen : there);
}

Cycle Machine::next_cycle(Cycle now, bool credits_left) const {
  Cycle window = never, sending = never;
  for (std::size_t s = 0; s < sms_.size(); ++s) {
    window = std::min(window, sms_[s].wake());
    if (next_block_ < blocks_) window = std::min(window, std::max(next_dispatch_, next_room(s)));
    const auto& outgoing = sms_[s].outgoing();
    if (!outgoing.empty()) sending = std::min(sending, outgoing.front().cycle);
  }
  if (!credits_left) sending = credits_.empty() ? never : credits_.front();
  const Cycle next = std::min(window == never ? never : std::max(window, window_end_), sending);
  return next == never ? never : std::max(next, now + 1);
}

/// The last thread has exited and the last store is done: the kernel ends with that cycle.
void Machine::end_kernel() {
  Cycle last = 0;
  for (const Sm& sm : sms_) last = std::max(last, sm.last_event());
  front_end_.flush();
  if (program_.launches[launch_].contraction) {
    Cycle from = never, to = 0;
    for (const Sm& sm : sms_) {
      from = std::min(from, sm.mac_window().first);
      to = std::max(to, sm.mac_window().second);
    }
    if (from < to) front_end_.track().array(run_->tag, from, to);
  }
  if (++launch_ == program_.launches.size()) {
    launch_ = 0;
    ++step_;
  }
  if (step_ < steps_) {
    prepare_launch(last + 1);
    wake_at(launch_end_);
  } else {
    phase_ = Phase::ending;
    wake_at(last + 1);
  }
}

void Machine::finish() {
  const Cycle end = cycle();
  for (Sm& sm : sms_) sm.finish(end);
  if (l2_) l2_->finish();
  front_end_.flush();
}

std::uint64_t Machine::instructions_issued() const {
  std::uint64_t sum = 0;
  for (const Sm& sm : sms_) sum += sm.instructions_issued();
  return sum;
}

std::string Machine::waits_for() const {
  if (finished()) return {};
  const PlannedLaunch& planned = program_.launches[launch_];
  std::string text = fmt::format("kernel {} of op {}, step {}, {} of {} blocks started",
                                 program_.codes[planned.code].kernel().name, planned.op, step_, next_block_, blocks_);
  int listed = 0;
  for (const Sm& sm : sms_) {
    const std::string why = sm.waits_for();
    if (!why.empty() && listed++ < 4) text += "; " + why;
  }
  if (l2_) text += l2_->waits_for();
  return text;
}

}  // namespace triad::gpu
