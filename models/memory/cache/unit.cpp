#include "models/memory/cache/unit.hpp"

namespace triad::memory::cache {

using activity::State;

CacheUnit::CacheUnit(const sc_core::sc_module_name& name, kit::Clock clock, const Parameters& parameters,
                     const Wires<Link>& wires, activity::Recorder& recorder, const activity::Technology& technology,
                     activity::Resource resource)
    : Unit(name, clock),
      cache_(parameters),
      wires_(wires),
      microsecond_(std::max<Cycle>(1, this->clock().hz() / 1'000'000)),
      track_(recorder, static_cast<const char*>(name), this->clock(), resource) {
  const auto banks = static_cast<std::uint64_t>(parameters.banks);
  const std::uint64_t lines = parameters.size / parameters.line;
  const auto per_byte = [&](std::uint64_t bytes) {
    return technology.sram_picojoules_per_byte(static_cast<double>(bytes) / static_cast<double>(banks));
  };
  const auto tag = static_cast<double>(parameters.tag_bytes()) * per_byte(lines * parameters.tag_bytes());
  const double data = per_byte(parameters.size);
  for (std::size_t i = 0; i < event_count; ++i) {
    const auto event = static_cast<Event>(i);
    const double energy = event == Event::tag_lookup  ? tag * parameters.ways
                          : event == Event::tag_write ? tag
                          : event == Event::data_read_bytes || event == Event::data_written_bytes ? data
                                                                                                  : 0;
    actions_[i] = track_.add_action(to_string(event), energy);
  }
  for (std::size_t i = 1; i < stall_count; ++i) {
    stall_actions_[i] = track_.add_action(std::string("stalled: ") + to_string(static_cast<Stall>(i)), 0);
  }
}

void CacheUnit::flush(bool invalidate, std::function<void()> done) {
  if (flush_.pending) throw std::logic_error("a cache is asked to flush while it does");
  flush_ = {true, invalidate, std::move(done)};
  flush_asked_ = cycle();
  wake_at(flush_asked_ + 1);
}

void CacheUnit::step() {
  const Cycle now = cycle();
  if (stepped_ == now) return wake_at(now + 1);  // once a cycle
  stepped_ = now;
  account(now);
  if (flush_.pending && now > flush_asked_) {
    flush_.pending = false;
    cache_.flush(flush_.invalidate, std::move(flush_.done));
  }
  if (const Packet* request = wires_.requests->front(now)) tag_ = request->tag;
  if (cache_.empty()) counted_ = now;  // whatever was counted is recorded
  const Cycle next = cache_.step(now, wires_);
  if (next != Cache::never) wake_at(next);
  if (cache_.empty()) {
    account(std::max(now + 1, cache_.busy_until()));
    close_state();
    record_counts(now + 1);
  } else if (now - counted_ >= microsecond_) {
    record_counts(now + 1);
  }
}

void CacheUnit::account(Cycle to) {
  if (to <= accounted_) return;
  const Cycle busy = std::clamp(cache_.busy_until(), accounted_, to);
  record_state(State::busy, accounted_, busy);
  if (cache_.misses_under_way() != 0) record_state(State::memory, busy, to);
  accounted_ = to;
}

void CacheUnit::record_state(State state, Cycle from, Cycle to) {
  if (from >= to) return;
  const bool grows = open_.state == state && open_.to == from && open_.tag.op == tag_.op && open_.tag.step == tag_.step;
  if (!grows) {
    close_state();
    open_ = {state, tag_, from, to};
  }
  open_.to = to;
}

void CacheUnit::close_state() {
  track_.state(open_.state, open_.tag, open_.from, open_.to);
  open_.from = open_.to;
}

void CacheUnit::record_counts(Cycle to) {
  const Counters& counters = cache_.counters();
  for (std::size_t i = 0; i < event_count; ++i) {
    track_.count(actions_[i], counters.events[i] - recorded_.events[i], counted_, to);
  }
  for (std::size_t i = 1; i < stall_count; ++i) {
    track_.count(stall_actions_[i], counters.stall_cycles[i] - recorded_.stall_cycles[i], counted_, to);
  }
  recorded_ = counters;
  counted_ = to;
}

}  // namespace triad::memory::cache
