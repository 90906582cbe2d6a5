#pragma once
#include <algorithm>
#include <deque>
#include <functional>
#include <vector>

#include "models/memory/cache/counters.hpp"
#include "models/memory/cache/misses.hpp"

/// A cache, stepped cycle by cycle where something happens; unit.hpp makes a kit::Unit of it.
///
///     requests --> [bank: tags, data] --hit--> [reply queue] --> replies
///                     |  ^ fill (first)             ^
///                miss |  |                          | waiters, in order
///                     v  +---- fills <-- below --> [MSHRs: line, pending sectors, waiters]
///                  [miss queue] ----+
///     victim --> [writeback queue] -+--> below
///
/// **Time.** In cycle t requests are taken in order, at most `ports`; the first that cannot be taken holds the others
/// up (Stall says why). Taking one occupies its bank for ceil(bytes / bank_width) cycles, bytes in whole sectors (a
/// dirty victim's are added; a miss without one takes a cycle). A hit's reply is sent at t + tag_latency + data_latency
/// + occupied - 1; a miss's fetches (a packet for each run of missing sectors) from t + tag_latency on; a victim's
/// bytes from t + tag_latency + data_latency on. A fill that is taken in f (before requests) occupies its bank in the
/// same way; the waiters that then have all that they need are released from f on, `ports` a cycle, and their replies
/// sent `fill_latency` after that (not before a hit's would have been).
///
/// **Order.** Two accesses that touch a common sector take effect in the order in which they were taken: a read sees
/// every write that was taken before and none that was taken after. Their replies are sent in that order, too, except
/// that a write which goes on is answered when below has acknowledged it. Otherwise a hit overtakes misses, and misses
/// come back as below answers. Downward, packets that touch the same line are sent in the order of their causes;
/// fetches and writes that go on overtake write-backs of other lines. Below, packets to the same bytes must take effect
/// in the order in which they are sent; their answers may come in any.
///
/// **Visibility.** A write is visible to all who ask this cache when it takes effect; to others (below), with
/// write-through or around: when its reply is sent; with write-back: after a flush or when its line was evicted. What
/// others write below is not seen here until the line leaves: invalidate between kernels.
///
/// **No deadlock** as long as replies are taken above, and below goes on taking requests while its replies are taken: a
/// fill needs no place but that of its line, which the miss reserved (an evicted line found its place in the writeback
/// queue before).
namespace triad::memory::cache {

/// Watches what happens to lines, for tests and traces. Calls come in the order in which things take effect.
class Observer {
 public:
  virtual ~Observer() = default;
  /// A request was taken.
  virtual void taken(const Packet& request) = 0;
  /// It takes effect: a read takes its bytes, a write brings them. `goes_on`: the write is also sent below, as `id`.
  virtual void applied(const Packet& request, bool goes_on, std::uint64_t id) = 0;
  virtual void filled(std::uint64_t address, std::uint64_t bytes) = 0;
  /// The line leaves or is written back in a flush: what is dirty of it is sent below.
  virtual void written_back(std::uint64_t address) = 0;
  /// The line is here no more.
  virtual void dropped(std::uint64_t address) = 0;
};

/// The four links of a cache. A Wire is a kit::Channel<Packet> or has its front, pop, has_room and push.
template <class Wire>
struct Wires {
  Wire *requests = nullptr, *replies = nullptr;  ///< above
  Wire *misses = nullptr, *fills = nullptr;      ///< below
};

class Cache {
 public:
  static constexpr Cycle never = ~Cycle{0};
  explicit Cache(const Parameters& parameters);

  /// Port of the crossbar below at which this cache stands, and the one by which an address is reached.
  void set_route(int source, std::function<int(std::uint64_t address)> destination) {
    source_ = source;
    destination_ = std::move(destination);
  }
  void set_observer(Observer* observer) { observer_ = observer; }

  /// Does what happens in cycle `now`; cycles ascend. Returns the next cycle in which something can happen if nothing
  /// arrives and no room comes about on a link before (`never`: nothing will); steps in between change nothing.
  /// Throws device::Fault when a request is not within one line, std::logic_error when a reply answers nothing.
  template <class Wire>
  Cycle step(Cycle now, const Wires<Wire>& wires);

  /// From the next step on takes no request, lets misses come to an end, writes every dirty line back (one a cycle),
  /// and, once below has acknowledged all, forgets all lines if `invalidate`. Then `done` is called, in that step;
  /// requests are taken again from it on. What a real machine spends to find the dirty lines is not modelled.
  void flush(bool invalidate, std::function<void()> done);

  /// Nothing is under way: no request taken and not answered, nothing to send, no answer expected from below.
  bool empty() const;
  /// Empty, or what is waited for.
  std::string waits_for() const;
  const Counters& counters() const { return counters_; }
  const Directory& directory() const { return directory_; }
  const Parameters& parameters() const { return parameters_; }
  /// The first cycle in which no bank is occupied any more.
  Cycle busy_until() const { return busy_until_; }
  /// Why the request at the front was not taken in the last step.
  Stall stall() const { return stall_; }
  /// Lines with misses under way.
  std::size_t misses_under_way() const { return misses_.used(); }

 private:
  enum class Kind : std::uint64_t { fetch, write, writeback };
  /// Bytes of a line to ask for or to send, a packet for each run.
  struct Down {
    std::uint64_t order;
    Cycle ready;
    Kind kind;
    int index;  ///< of the register of a fetch, of the slot of a write
    std::uint64_t line;
    ByteMask bytes;
    activity::Tag tag;
  };
  /// What packets to below are known by, and their answers: kind, and which register or slot.
  static constexpr int index_at = 12;
  static std::uint64_t id_of(const Down& down) {
    return static_cast<std::uint64_t>(down.kind) | static_cast<std::uint64_t>(down.index) << index_at;
  }
  struct Reply {
    Cycle ready;
    Packet packet;
  };
  /// What a request would need.
  struct Need;

  void begin(Cycle now);
  bool take_fill(const Packet& reply, Cycle now);
  void release(Cycle now);
  enum class Released { one, none, blocked };
  Released release_one(Miss& miss, Cycle now);
  bool has_what_it_needs(int place, const Waiter& waiter) const;
  Stall accept(const Packet& request, Cycle now);
  Need need_of(const Packet& request) const;
  Stall refusal(const Need& need) const;
  void count(const Packet& request, const Need& need);
  void join(const Packet& request, const Need& need, Cycle answer, Cycle now);
  void make_room(int place, std::uint64_t line, activity::Tag tag, Cycle now);
  void apply(const Waiter& access, int place, Cycle now);
  bool goes_on(const Packet& request, const Extent& extent, int place) const;
  void fetch(int entry, std::uint64_t line, Sectors sectors, activity::Tag tag, Cycle now);
  /// Returns the id under which the write is known below.
  std::uint64_t send_on(const Waiter& write, Cycle now);
  void write_back(int place, activity::Tag tag, Cycle now);
  void answer(const Packet& request, Cycle ready);
  void advance_flush(Cycle now);
  bool reply_room() const { return replies_.size() < reply_places_; }
  /// The queue whose front is the next to go down in this cycle, or nullptr.
  std::deque<Down>* next_down(Cycle now);
  Packet take_down(std::deque<Down>& queue);
  Cycle next_internal(Cycle now) const;
  std::uint64_t bytes_of(Sectors sectors) const {
    return static_cast<std::uint64_t>(std::popcount(sectors)) * parameters_.sector;
  }
  /// Cycles for which a bank is occupied by so many bytes, or a look at its tags.
  Cycle occupied(std::uint64_t bytes) const {
    return bytes <= parameters_.bank_width ? 1 : (bytes + parameters_.bank_width - 1) / parameters_.bank_width;
  }
  void occupy(std::uint64_t set, Cycle now, Cycle cycles) {
    bank_free(set) = now + cycles;
    busy_until_ = std::max(busy_until_, now + cycles);
  }
  Cycle& bank_free(std::uint64_t set) {
    // A division of 32 bits: there are at most 2^32 sets, and it is on the way of every access.
    return bank_free_[static_cast<std::uint32_t>(set) % static_cast<std::uint32_t>(bank_free_.size())];
  }

  Parameters parameters_;
  int source_ = 0;
  std::function<int(std::uint64_t)> destination_;
  Observer* observer_ = nullptr;

  Directory directory_;
  Misses misses_;
  std::vector<Cycle> bank_free_;
  Cycle busy_until_ = 0;
  std::deque<int> releasing_;  ///< entries whose waiters may be released, in order of their fills
  std::deque<Reply> replies_;  ///< by `ready`, then as they came
  std::size_t reply_places_;
  std::deque<Down> miss_queue_, writeback_queue_;
  std::uint64_t order_ = 0;
  std::vector<Waiter> writes_;  ///< that went on, by slot
  std::vector<int> free_writes_;
  std::deque<int> acknowledged_;            ///< slots of those that are to be answered
  std::uint64_t writebacks_under_way_ = 0;  ///< packets sent and not acknowledged

  struct Flush {
    bool asked = false, walking = false, invalidate = false;
    int place = 0;  ///< the next to look at
    std::function<void()> done;
  } flush_;

  Counters counters_;
  Cycle last_ = 0;  ///< step
  Stall stall_ = Stall::none;
  Cycle retry_ = 0;     ///< when the bank is free that refused a request or a fill in this step
  bool more_ = false;   ///< something could not be done for want of ports only
  bool freed_ = false;  ///< a place in a queue became free after it had been asked for
};

template <class Wire>
Cycle Cache::step(Cycle now, const Wires<Wire>& wires) {
  begin(now);
  Cycle next = never;
  int left = parameters_.ports;
  while (const Packet* fill = wires.fills->front(now)) {
    if (left-- == 0) {
      more_ = true;
      break;
    }
    if (!take_fill(*fill, now)) {
      next = retry_;
      break;
    }
    wires.fills->pop(now);
  }
  release(now);
  advance_flush(now);
  left = parameters_.ports;
  while (const Packet* request = wires.requests->front(now)) {
    if (left-- == 0) {
      more_ = true;
      break;
    }
    stall_ = accept(*request, now);
    if (stall_ == Stall::bank) next = std::min(next, retry_);
    if (stall_ != Stall::none) break;
    wires.requests->pop(now);
  }
  for (left = parameters_.ports; !replies_.empty() && replies_.front().ready <= now; --left) {
    if (!wires.replies->has_room(now)) break;  // who makes room wakes us
    if (left == 0) {
      more_ = true;
      break;
    }
    wires.replies->push(replies_.front().packet, now);
    replies_.pop_front();
    freed_ = true;
  }
  left = parameters_.ports;
  while (std::deque<Down>* queue = next_down(now)) {
    if (!wires.misses->has_room(now)) break;
    if (left-- == 0) {
      more_ = true;
      break;
    }
    wires.misses->push(take_down(*queue), now);
  }
  return std::min(next, next_internal(now));
}

}  // namespace triad::memory::cache
