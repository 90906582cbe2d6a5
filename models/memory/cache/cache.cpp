#include "models/memory/cache/cache.hpp"

#include <fmt/core.h>

#include <stdexcept>

namespace triad::memory::cache {

struct Cache::Need {
  Extent extent;
  std::uint64_t set = 0;
  int place = Directory::none;   ///< of the line, if it is here
  int victim = Directory::none;  ///< place that it gets, if it needs one
  int entry = Directory::none;   ///< register of the line, if it has one
  Sectors fetch = 0;
  bool places = false;   ///< the line needs a place
  bool joins = false;    ///< it waits, in a register
  bool goes_on = false;  ///< ... and not, and is sent below
};

Cache::Cache(const Parameters& parameters)
    : parameters_(parameters),
      directory_(parameters),
      misses_(parameters),
      bank_free_(static_cast<std::size_t>(parameters.banks), 0),
      reply_places_(static_cast<std::size_t>(parameters.reply_queue) +
                    parameters.hit_latency() * static_cast<std::size_t>(parameters.ports)),
      writes_(static_cast<std::size_t>(parameters.writes)) {
  for (int slot = parameters.writes; slot-- > 0;) free_writes_.push_back(slot);
}

void Cache::begin(Cycle now) {
  if (stall_ != Stall::none) counters_.stall_cycles[static_cast<std::size_t>(stall_)] += now - last_;
  last_ = now;
  stall_ = Stall::none;
  more_ = freed_ = false;
}

// --- requests
// ---------------------------------------------------------------------------------------------------------

Cache::Need Cache::need_of(const Packet& request) const {
  Need need;
  need.extent = directory_.extent_of(request);
  need.set = directory_.set_of(need.extent.line);
  need.place = directory_.find(need.extent.line, need.set);
  const Sectors sectors = need.extent.sectors;
  if (!request.write) {
    need.fetch = directory_.missing(need.place, need.extent);
  } else if (parameters_.write_allocate && parameters_.partial_write == PartialWrite::fetch) {
    need.fetch = sectors & ~need.extent.full;
    if (need.place != Directory::none) need.fetch &= ~directory_.at(need.place).valid;
  }
  if (need.place != Directory::none) need.entry = directory_.at(need.place).miss;
  if (need.entry != Directory::none) {
    const Miss& miss = misses_.at(need.entry);
    need.fetch &= ~(miss.pending | miss.covered);
    need.joins = (miss.claimed & sectors) != 0;
  }
  need.joins |= need.fetch != 0;
  need.goes_on = !need.joins && goes_on(request, need.extent, need.place);
  need.places = need.place == Directory::none && (!request.write || parameters_.write_allocate);
  if (need.places) need.victim = directory_.victim(need.set);
  return need;
}

bool Cache::goes_on(const Packet& request, const Extent& extent, int place) const {
  if (!request.write) return false;
  if (parameters_.write == WritePolicy::through) return true;
  return !parameters_.write_allocate &&
         (place == Directory::none || (extent.sectors & ~directory_.at(place).valid) != 0);
}

Stall Cache::refusal(const Need& need) const {
  const auto full = [](const std::deque<Down>& queue, int places) {
    return queue.size() >= static_cast<std::size_t>(places);
  };
  if (need.places) {
    if (need.victim == Directory::none) return Stall::set;
    if (directory_.at(need.victim).dirty != 0 && full(writeback_queue_, parameters_.writeback_queue)) {
      return Stall::writeback_queue;
    }
  }
  if (need.joins) {
    if (need.entry == Directory::none && misses_.full()) return Stall::mshr;
    if (need.entry != Directory::none) {
      const Miss& miss = misses_.at(need.entry);
      const bool full_register = miss.waiters.size() >= static_cast<std::size_t>(parameters_.merges);
      if (full_register || (need.fetch & miss.around) != 0) return Stall::merge;
    }
  }
  if ((need.goes_on || need.fetch != 0) && full(miss_queue_, parameters_.miss_queue)) return Stall::miss_queue;
  if (need.goes_on && free_writes_.empty()) return Stall::writes;
  if (!need.goes_on && !need.joins && !reply_room()) return Stall::reply_queue;
  return Stall::none;
}

Stall Cache::accept(const Packet& request, Cycle now) {
  if (flush_.asked) return Stall::flush;
  Need need = need_of(request);
  if (bank_free(need.set) > now) {
    retry_ = bank_free(need.set);
    return Stall::bank;
  }
  const Stall stall = refusal(need);
  if (stall != Stall::none) return stall;

  count(request, need);
  if (observer_ != nullptr) observer_->taken(request);
  std::uint64_t bytes = 0;
  if (need.places) {
    bytes = bytes_of(directory_.at(need.victim).dirty);
    make_room(need.victim, need.extent.line, request.tag, now);
    need.place = need.victim;
  } else if (need.place != Directory::none) {
    directory_.touch(need.place);
  }
  if (!need.joins && need.place != Directory::none) bytes += bytes_of(need.extent.sectors);
  const Cycle cycles = occupied(bytes);
  occupy(need.set, now, cycles);
  const Cycle answer = now + parameters_.hit_latency() + cycles - 1;
  if (need.joins) {
    join(request, need, answer, now);
  } else {
    apply({request, need.extent, answer}, need.place, now);
  }
  return Stall::none;
}

void Cache::count(const Packet& request, const Need& need) {
  ++counters_[request.write ? Event::write : Event::read];
  ++counters_[Event::tag_lookup];
  const Sectors absent = need.place == Directory::none ? ~Sectors{0} : ~directory_.at(need.place).valid;
  if (need.joins && need.fetch == 0) {
    ++counters_[Event::merged];
  } else if (need.place == Directory::none) {
    ++counters_[Event::miss];
  } else if (need.joins || (request.write && (need.extent.sectors & absent) != 0)) {
    ++counters_[Event::sector_miss];
  } else {
    ++counters_[Event::hit];
  }
}

void Cache::make_room(int place, std::uint64_t line, activity::Tag tag, Cycle now) {
  if (!directory_.is_empty(place)) {
    ++counters_[Event::eviction];
    if (directory_.at(place).dirty != 0) write_back(place, tag, now);
    if (observer_ != nullptr) observer_->dropped(directory_.line_at(place) * parameters_.line);
  }
  directory_.place(place, line);
  ++counters_[Event::tag_write];
}

void Cache::join(const Packet& request, const Need& need, Cycle answer, Cycle now) {
  const int entry = need.entry != Directory::none ? need.entry : misses_.take(need.place);
  directory_.at(need.place).miss = entry;
  Miss& miss = misses_.at(entry);
  miss.waiters.push_back({request, need.extent, answer});
  miss.claim(miss.waiters.back(), parameters_.write_allocate);
  miss.pending |= need.fetch;
  if (need.fetch != 0) fetch(entry, need.extent.line, need.fetch, request.tag, now);
}

void Cache::apply(const Waiter& access, int place, Cycle now) {
  const Packet& request = access.packet;
  const bool on = goes_on(request, access.extent, place);
  std::uint64_t id = 0;
  if (request.write && place != Directory::none) {
    directory_.write(place, access.extent, parameters_.write_allocate, !on);
    counters_[Event::data_written_bytes] += bytes_of(access.extent.sectors);
  } else if (!request.write) {
    counters_[Event::data_read_bytes] += bytes_of(access.extent.sectors);
  }
  if (on) {
    id = send_on(access, now);
  } else {
    answer(request, access.answer);
  }
  if (observer_ != nullptr) observer_->applied(request, on, id);
}

void Cache::answer(const Packet& request, Cycle ready) {
  Packet reply = request;
  reply.reply = true;
  auto place = replies_.end();
  while (place != replies_.begin() && std::prev(place)->ready > ready) --place;
  replies_.insert(place, {ready, reply});
}

// --- flush, and what comes next
// ---------------------------------------------------------------------------------------

void Cache::flush(bool invalidate, std::function<void()> done) {
  if (flush_.asked) throw std::logic_error("a cache is asked to flush while it does");
  flush_ = {true, false, invalidate, 0, std::move(done)};
}

void Cache::advance_flush(Cycle now) {
  if (!flush_.asked || misses_.used() != 0) return;
  if (directory_.dirty_lines() != 0) {
    if (writeback_queue_.size() >= static_cast<std::size_t>(parameters_.writeback_queue)) return;
    while (directory_.at(flush_.place).dirty == 0) ++flush_.place;
    write_back(flush_.place++, {}, now);
    more_ = true;
    return;
  }
  if (!miss_queue_.empty() || !writeback_queue_.empty() || writebacks_under_way_ != 0 ||
      free_writes_.size() != writes_.size()) {
    return;
  }
  if (flush_.invalidate) {
    for (int place = 0; place < directory_.places(); ++place) {
      if (directory_.is_empty(place)) continue;
      if (observer_ != nullptr) observer_->dropped(directory_.line_at(place) * parameters_.line);
      directory_.drop(place);
    }
  }
  const std::function<void()> done = std::move(flush_.done);
  flush_ = {};
  if (done) done();
}

Cycle Cache::next_internal(Cycle now) const {
  const bool refused_for_place =
      stall_ == Stall::reply_queue || stall_ == Stall::miss_queue || stall_ == Stall::writeback_queue;
  if (more_ || (freed_ && (refused_for_place || flush_.asked || !releasing_.empty() || !acknowledged_.empty()))) {
    return now + 1;
  }
  // What is due and still here waits for room on a link, whose consumer wakes us, or for what is not due.
  Cycle next = never;
  const auto due = [&](const auto& queue) {
    if (!queue.empty() && queue.front().ready > now) next = std::min(next, queue.front().ready);
  };
  due(replies_);
  due(miss_queue_);
  due(writeback_queue_);
  return next;
}

bool Cache::empty() const {
  return misses_.used() == 0 && replies_.empty() && miss_queue_.empty() && writeback_queue_.empty() &&
         writebacks_under_way_ == 0 && free_writes_.size() == writes_.size() && !flush_.asked;
}

std::string Cache::waits_for() const {
  if (empty()) return {};
  return fmt::format(
      "{} lines with misses under way, {} writes and {} write-backs to be acknowledged, {} replies, {} misses and {} "
      "write-backs to be sent{}{}",
      misses_.used(), writes_.size() - free_writes_.size(), writebacks_under_way_, replies_.size(), miss_queue_.size(),
      writeback_queue_.size(), flush_.asked ? ", a flush" : "",
      stall_ == Stall::none ? "" : fmt::format("; the next request is refused: {}", to_string(stall_)));
}

}  // namespace triad::memory::cache
