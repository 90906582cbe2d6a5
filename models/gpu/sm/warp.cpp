#include "models/gpu/sm/warp.hpp"

#include <bit>

namespace triad::gpu {

void Warp::start(std::uint32_t lanes) {
  current_ = {lanes, 0, Group::State::ready, 0};
  count_ = 0;
  live_ = lanes;
  convergence_.fill(0);
}

void Warp::branch(std::uint32_t taken, std::uint32_t target) {
  if (taken == 0) return advance();
  if (taken == current_.lanes) {
    current_.pc = target;
    return;
  }
  defer({taken, target, Group::State::ready, 0});
  current_.lanes &= ~taken;
  ++current_.pc;
}

void Warp::converge(int n) {
  const std::uint32_t waiting = current_.lanes & convergence_[n], passing = current_.lanes & ~waiting;
  ++current_.pc;
  if (waiting == 0) return;
  if (passing != 0) defer({passing, current_.pc, Group::State::ready, 0});
  current_.lanes = waiting;
  current_.state = Group::State::converging;
  current_.barrier = static_cast<std::uint8_t>(n);
  release_converged();
  take_next();
}

void Warp::exit(std::uint32_t lanes) {
  live_ &= ~lanes;
  for (std::uint32_t& members : convergence_) members &= live_;
  current_.lanes &= ~lanes;
  ++current_.pc;
  release_converged();
  take_next();
}

void Warp::wait_at_barrier(int n) {
  ++current_.pc;
  current_.state = Group::State::at_barrier;
  current_.barrier = static_cast<std::uint8_t>(n);
  take_next();
}

bool Warp::release_barrier(int n) {
  bool any = false;
  for (int i = 0; i < count_; ++i) {
    if (others_[i].state != Group::State::at_barrier || others_[i].barrier != n) continue;
    others_[i].state = Group::State::ready;
    any = true;
  }
  if (any) take_next();
  return any;
}

int Warp::threads_at_barrier(int n) const {
  int threads = 0;
  for (int i = 0; i < count_; ++i) {
    if (others_[i].state == Group::State::at_barrier && others_[i].barrier == n) {
      threads += std::popcount(others_[i].lanes);
    }
  }
  return threads;
}

int Warp::waits_at_barrier() const {
  for (int i = 0; i < count_; ++i) {
    if (others_[i].state == Group::State::at_barrier) return others_[i].barrier;
  }
  return -1;
}

/// If all members of a barrier wait at it, they go on as one group.
void Warp::release_converged() {
  for (std::uint8_t n = 0; n < convergence_registers; ++n) {
    const std::uint32_t members = convergence_[n];
    if (members == 0) continue;
    const auto waits = [&](const Group& g) { return g.state == Group::State::converging && g.barrier == n; };
    std::uint32_t waiting = waits(current_) ? current_.lanes : 0;
    for (int i = 0; i < count_; ++i) waiting |= waits(others_[i]) ? others_[i].lanes : 0;
    if (waiting != members) continue;
    convergence_[n] = 0;
    Group merged{members, 0, Group::State::ready, 0};
    if (waits(current_)) {
      merged.pc = current_.pc;
      current_ = {};
    }
    int kept = 0;
    for (int i = 0; i < count_; ++i) {
      if (waits(others_[i])) {
        merged.pc = others_[i].pc;
      } else {
        others_[kept++] = others_[i];
      }
    }
    count_ = kept;
    defer(merged);
  }
}

/// Keeps the current group if it can run; otherwise the one that was deferred last takes its place.
void Warp::take_next() {
  if (current_.lanes != 0 && current_.state == Group::State::ready) return;
  const Group waiting = current_;
  current_ = {};
  for (int i = count_ - 1; i >= 0; --i) {
    if (others_[i].state != Group::State::ready) continue;
    current_ = others_[i];
    for (int j = i; j + 1 < count_; ++j) others_[j] = others_[j + 1];
    --count_;
    break;
  }
  if (waiting.lanes != 0) defer(waiting);
}

}  // namespace triad::gpu
