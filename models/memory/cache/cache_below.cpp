#include <fmt/core.h>

#include <stdexcept>

#include "models/memory/cache/cache.hpp"

/// What a cache does towards the memory below: fills and those that wait for them, fetches, write-backs.
namespace triad::memory::cache {
namespace {

// In the id of a fetch: its first sector, and how many there are, less one.
constexpr int sector_at = 2, sectors_at = 7;

}  // namespace

bool Cache::take_fill(const Packet& reply, Cycle now) {
  const auto kind = static_cast<Kind>(reply.id & 3);
  const auto index = static_cast<int>(reply.id >> index_at);
  const auto nothing = [&] {
    return std::logic_error(fmt::format("reply {:#x} from below answers nothing that a cache asked", reply.id));
  };
  if (!reply.reply) throw nothing();
  if (kind == Kind::writeback) {
    if (writebacks_under_way_ == 0) throw nothing();
    --writebacks_under_way_;
    return true;
  }
  if (kind == Kind::write) {
    if (index >= parameters_.writes || writes_[static_cast<std::size_t>(index)].packet.bytes == 0) throw nothing();
    acknowledged_.push_back(index);
    return true;
  }
  const auto first = reply.id >> sector_at & 31, sectors = (reply.id >> sectors_at & 31) + 1;
  const auto mask = static_cast<Sectors>(((std::uint64_t{1} << sectors) - 1) << first);
  if (kind != Kind::fetch || !misses_.exists(index) || (misses_.at(index).pending & mask) != mask) throw nothing();
  Miss& miss = misses_.at(index);
  const auto set = static_cast<std::uint64_t>(miss.place / parameters_.ways);
  if (bank_free(set) > now) {
    retry_ = bank_free(set);
    return false;
  }
  occupy(set, now, occupied(bytes_of(mask)));
  directory_.fill(miss.place, mask);
  miss.pending &= ~mask;
  ++counters_[Event::fill];
  counters_[Event::data_written_bytes] += bytes_of(mask);
  if (observer_ != nullptr) {
    observer_->filled(directory_.line_at(miss.place) * parameters_.line + first * parameters_.sector, bytes_of(mask));
  }
  if (!miss.releasing) releasing_.push_back(index);
  miss.releasing = true;
  return true;
}

void Cache::release(Cycle now) {
  int left = parameters_.ports;
  for (; !acknowledged_.empty() && reply_room(); --left) {
    if (left == 0) {
      more_ = true;
      return;
    }
    const int slot = acknowledged_.front();
    Waiter& write = writes_[static_cast<std::size_t>(slot)];
    answer(write.packet, std::max(write.answer, now + parameters_.fill_latency));
    write.packet.bytes = 0;  // free
    free_writes_.push_back(slot);
    acknowledged_.pop_front();
  }
  while (!releasing_.empty()) {
    if (left == 0) {
      more_ = true;
      return;
    }
    const int entry = releasing_.front();
    Miss& miss = misses_.at(entry);
    const Released released = release_one(miss, now);
    if (released == Released::blocked) return;
    left -= released == Released::one;
    if (released == Released::one) continue;
    releasing_.pop_front();
    miss.releasing = false;
    if (miss.waiters.empty() && miss.pending == 0) {
      directory_.at(miss.place).miss = Directory::none;
      misses_.give_back(entry);
    }
  }
}

Cache::Released Cache::release_one(Miss& miss, Cycle now) {
  Sectors before = 0;  // of those that wait on
  auto waiter = miss.waiters.begin();
  for (; waiter != miss.waiters.end(); ++waiter) {
    if ((waiter->extent.sectors & before) == 0 && has_what_it_needs(miss.place, *waiter)) break;
    before |= waiter->extent.sectors;
  }
  if (waiter == miss.waiters.end()) return Released::none;
  if (goes_on(waiter->packet, waiter->extent, miss.place)) {
    if (free_writes_.empty() || miss_queue_.size() >= static_cast<std::size_t>(parameters_.miss_queue)) {
      return Released::blocked;
    }
  } else if (!reply_room()) {
    return Released::blocked;
  }
  waiter->answer = std::max(waiter->answer, now + parameters_.fill_latency);
  apply(*waiter, miss.place, now);
  miss.waiters.erase(waiter);
  miss.claimed = miss.covered = miss.around = 0;
  for (const Waiter& other : miss.waiters) miss.claim(other, parameters_.write_allocate);
  return Released::one;
}

bool Cache::has_what_it_needs(int place, const Waiter& waiter) const {
  if (!waiter.packet.write) return directory_.missing(place, waiter.extent) == 0;
  if (!parameters_.write_allocate || parameters_.partial_write == PartialWrite::mask) return true;
  return (waiter.extent.sectors & ~waiter.extent.full & ~directory_.at(place).valid) == 0;
}

void Cache::fetch(int entry, std::uint64_t line, Sectors sectors, activity::Tag tag, Cycle now) {
  Down down{order_++, now + parameters_.tag_latency, Kind::fetch, entry, line, {}, tag};
  for (; sectors != 0; sectors &= sectors - 1) {
    const auto sector = static_cast<std::uint64_t>(std::countr_zero(sectors));
    down.bytes.set(sector * parameters_.sector, (sector + 1) * parameters_.sector);
  }
  miss_queue_.push_back(down);
}

std::uint64_t Cache::send_on(const Waiter& write, Cycle now) {
  const int slot = free_writes_.back();
  free_writes_.pop_back();
  writes_[static_cast<std::size_t>(slot)] = write;
  Down down{order_++, now + parameters_.tag_latency, Kind::write, slot, write.extent.line, {}, write.packet.tag};
  down.bytes.set(write.extent.begin, write.extent.end);
  miss_queue_.push_back(down);
  ++counters_[Event::write_on];
  return id_of(down);
}

void Cache::write_back(int place, activity::Tag tag, Cycle now) {
  const std::uint64_t line = directory_.line_at(place);
  writeback_queue_.push_back(
      {order_++, now + parameters_.hit_latency(), Kind::writeback, 0, line, directory_.dirty_bytes(place), tag});
  ++counters_[Event::writeback];
  counters_[Event::data_read_bytes] += bytes_of(directory_.at(place).dirty);
  directory_.clean(place);
  if (observer_ != nullptr) observer_->written_back(line * parameters_.line);
}

std::deque<Cache::Down>* Cache::next_down(Cycle now) {
  // Packets that touch one line keep their order: the front of a queue waits for what is older in the other.
  const auto waits = [](const Down& down, const std::deque<Down>& other) {
    return std::any_of(other.begin(), other.end(),
                       [&](const Down& older) { return older.order < down.order && older.line == down.line; });
  };
  for (auto* queue : {&miss_queue_, &writeback_queue_}) {
    if (queue->empty() || queue->front().ready > now) continue;
    if (!waits(queue->front(), queue == &miss_queue_ ? writeback_queue_ : miss_queue_)) return queue;
  }
  return nullptr;
}

Packet Cache::take_down(std::deque<Down>& queue) {
  Down& down = queue.front();
  const std::uint64_t begin = down.bytes.first(), end = down.bytes.end_of_run(begin);
  Packet packet;
  packet.id = id_of(down);
  packet.address = down.line * parameters_.line + begin;
  packet.bytes = static_cast<std::uint32_t>(end - begin);
  packet.write = down.kind != Kind::fetch;
  packet.source = source_;
  packet.destination = destination_ ? destination_(packet.address) : 0;
  packet.tag = down.tag;
  if (down.kind == Kind::fetch) {
    packet.id |= begin / parameters_.sector << sector_at | ((end - begin) / parameters_.sector - 1) << sectors_at;
    ++counters_[Event::fetch];
  } else if (down.kind == Kind::writeback) {
    ++writebacks_under_way_;
  }
  down.bytes.clear(begin, end);
  if (!down.bytes.any()) {
    queue.pop_front();
    freed_ = true;
  }
  return packet;
}

}  // namespace triad::memory::cache
