#pragma once
#include <array>
#include <cstdint>

#include "models/gpu/isa/instruction.hpp"

namespace triad::gpu {

/// Lanes of a warp that go together: one program counter.
struct Group {
  enum class State : std::uint8_t { ready, converging, at_barrier };
  std::uint32_t lanes = 0;
  std::uint32_t pc = 0;
  State state = State::ready;
  std::uint8_t barrier = 0;  ///< Bn or block barrier that it waits at
};

/// Control flow of a warp: which lanes are where (isa/README.md, divergence). One group is current; it runs until it
/// waits or exits, then the group that was deferred last takes over. No time in here.
class Warp {
 public:
  /// All of `lanes` at instruction 0.
  void start(std::uint32_t lanes);

  std::uint32_t active() const { return current_.lanes; }  ///< lanes of the current group; 0: no group can run
  std::uint32_t pc() const { return current_.pc; }
  bool finished() const { return live_ == 0; }
  std::uint32_t live() const { return live_; }  ///< lanes that have not exited

  void advance() { ++current_.pc; }
  /// The lanes in `taken` go to `target`, the others of the group to the next instruction; those go first.
  void branch(std::uint32_t taken, std::uint32_t target);
  /// BSSY: the lanes join convergence barrier `n`.
  void join(int n, std::uint32_t lanes) { convergence_[n] |= lanes; }
  /// BSYNC of the whole group (a guard other than PT is refused by the SM).
  void converge(int n);
  /// EXIT of these lanes; the rest of the group goes on with the next instruction.
  void exit(std::uint32_t lanes);
  /// The current group waits at block barrier `n`, to go on with the next instruction.
  void wait_at_barrier(int n);
  /// Groups that wait at block barrier `n` may go on. Returns whether there were any.
  bool release_barrier(int n);
  /// Threads that wait at block barrier `n`.
  int threads_at_barrier(int n) const;
  /// The first block barrier at which a group waits, or -1.
  int waits_at_barrier() const;

 private:
  void defer(const Group& group) { others_[count_++] = group; }
  void take_next();
  void release_converged();

  Group current_;
  std::array<Group, warp_size> others_;
  int count_ = 0;
  std::uint32_t live_ = 0;
  std::array<std::uint32_t, convergence_registers> convergence_{};
};

}  // namespace triad::gpu
