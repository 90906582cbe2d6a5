#pragma once
#include <cstddef>
#include <deque>
#include <stdexcept>

#include "models/kit/unit.hpp"

namespace triad::kit {

/// A bounded channel between two units of one clock, with a latency of one cycle both ways: what is pushed in cycle t
/// can be popped from t + 1 on, a place that is freed in t can be filled from t + 1 on. So the order in which the two
/// units are stepped within a cycle does not matter.
template <class T>
class Channel {
 public:
  explicit Channel(std::size_t capacity) : capacity_(capacity) {}
  void connect(Unit& producer, Unit& consumer) {
    producer_ = &producer;
    consumer_ = &consumer;
  }
  /// Can the producer push in this cycle (ready)?
  bool has_room(Cycle now) const { return items_.size() + (last_pop_ == now ? popped_ : 0) < capacity_; }
  void push(T item, Cycle now) {
    if (!has_room(now)) throw std::logic_error("push into a full channel");
    items_.push_back({std::move(item), now});
    consumer_->wake_at(now + 1);
  }
  /// What the consumer sees in this cycle (valid), or nullptr.
  const T* front(Cycle now) const {
    return items_.empty() || items_.front().pushed >= now ? nullptr : &items_.front().item;
  }
  void pop(Cycle now) {
    items_.pop_front();
    popped_ = last_pop_ == now ? popped_ + 1 : 1;
    last_pop_ = now;
    producer_->wake_at(now + 1);
  }
  bool empty() const { return items_.empty(); }
  std::size_t size() const { return items_.size(); }
  /// When the item at the front was pushed. Only when not empty.
  Cycle front_pushed() const { return items_.front().pushed; }

 private:
  struct Item {
    T item;
    Cycle pushed;
  };
  std::size_t capacity_, popped_ = 0;
  Cycle last_pop_ = Unit::never;
  std::deque<Item> items_;
  Unit *producer_ = nullptr, *consumer_ = nullptr;
};

}  // namespace triad::kit
