#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "models/gpu/sm/access.hpp"
#include "models/gpu/sm/activity.hpp"
#include "models/gpu/sm/hazards.hpp"
#include "models/gpu/sm/kernel_run.hpp"
#include "models/gpu/sm/warp.hpp"
#include "models/memory/contents.hpp"
#include "models/memory/memory.hpp"

namespace triad::gpu {

/// A streaming multiprocessor: a Moore machine, stepped in every cycle in which it may do something (README.md states
/// stages and latencies). No SystemC in here. What it sends and receives takes `horizon` cycles at least, so it may run
/// that far ahead of the rest of the chip.
class Sm {
 public:
  static constexpr Cycle never = ~Cycle{0};

  /// A request to memory on its way out of the SM.
  struct Outgoing {
    Cycle cycle;  ///< in which it leaves
    memory::Request request;
    int access;  ///< what to call `completed` with
  };

  Sm(int index, const SmParameters& parameters, memory::Contents& contents, std::uint64_t memory_bytes,
     kit::Track track, const activity::Technology& technology, std::uint64_t clock_hz, bool check);

  /// From now on stores leave nothing in memory, except those of a kernel run for control: addresses and timing only.
  void without_values() { values_ = false; }

  // --- the block scheduler's side
  // -------------------------------------------------------------------------------------
  /// A kernel begins; the previous one has ended.
  void begin(const KernelRun& run);
  /// Blocks of the kernel that fit at once.
  int room() const { return room_; }
  /// A block starts in cycle `at`, which the SM has not reached: its warps can issue in the next one.
  void dispatch(Dimensions block_index, Cycle at);
  /// Cycles in which blocks were finished, in order; the caller takes them out.
  std::deque<Cycle>& finished_blocks() { return finished_blocks_; }
  int stores_outstanding() const { return stores_outstanding_; }
  /// The last cycle in which a warp of the kernel exited or one of its stores completed.
  Cycle last_event() const { return last_event_; }
  bool has_blocks() const { return resident_ > 0; }
  /// Cycles in which a warp issued or occupied a pipe, since the last call.
  Cycle take_busy_cycles() { return std::exchange(busy_cycles_, 0); }
  /// The SM waited for a launch in cycles [from, to), in which it holds no block.
  void wait_for_launch(activity::Tag tag, Cycle from, Cycle to);

  // --- time
  // -------------------------------------------------------------------------------------------------------------
  /// The first cycle in which something can happen inside; never: only a dispatch or a completion can change that.
  Cycle wake() const { return wake_; }
  /// Does everything up to cycle `until`, without it.
  void run(Cycle until) {
    while (wake_ < until) step(wake_);
  }
  /// Records everything up to the end of the run.
  void finish(Cycle end);

  // --- memory's side
  // ----------------------------------------------------------------------------------------------------
  std::deque<Outgoing>& outgoing() { return outgoing_; }
  const std::deque<Outgoing>& outgoing() const { return outgoing_; }
  /// A request of an access has completed; the SM sees it in cycle `seen`.
  void completed(int access, Cycle seen);

  /// First and last cycle + 1 in which an FFMA of the current kernel was in the pipe; empty when equal.
  std::pair<Cycle, Cycle> mac_window() const { return {first_mac_, last_mac_}; }
  std::uint64_t instructions_issued() const { return instructions_issued_; }
  /// Why nothing happens, for a deadlock: the first warps and what they wait for; empty without a block.
  std::string waits_for() const;

 private:
  /// Why a warp is no candidate for issue.
  enum class Wait : std::uint8_t { vacant, nothing, memory, operands, barrier, convergence };
  static constexpr std::size_t wait_count = 6;

  struct Slot {
    std::uint8_t pending_mask = 0;  ///< dependence barriers that are not zero
    std::uint8_t memory_mask = 0;   ///< of these, the ones incremented by a memory instruction
    std::array<std::uint16_t, dependence_barriers> pending{};
    const Decoded* next = nullptr;
    LaneWords* registers = nullptr;
    std::array<std::uint32_t, 8> predicates{};
    int block = 0;
    std::uint32_t index = 0;  ///< of the warp in its block
    Warp warp;
  };
  struct Block {
    Dimensions index;
    int warps = 0;                      ///< not finished
    std::uint32_t threads = 0;          ///< not exited
    int events = 0;                     ///< decrements of dependence barriers and loads under way
    std::vector<std::uint32_t> shared;  ///< words
  };
  struct Dispatch {
    Dimensions block;
    Cycle at;
  };
  struct SubCore {
    std::vector<std::uint8_t> order;  ///< occupied slots, oldest warp first
    int last = -1;                    ///< slot that issued last
    bool yielded = false;
    Cycle wake = never;
    Cycle issue_free = 0;                           ///< a bank conflict keeps the issue stage until then
    std::array<Cycle, 5> pipe_free{};               ///< by Pipe
    std::array<Cycle, max_memory_queue> started{};  ///< when its last memory instructions left the queue, a ring
    std::uint32_t memory_instructions = 0;
    int reuse_slot = -1;
    std::array<std::uint8_t, 3> reuse{register_zero, register_zero, register_zero};
  };
  static constexpr int store_done = no_barrier + 1;  ///< in place of a barrier: a store has completed
  struct Event {
    Cycle cycle;
    std::uint8_t slot, barrier;  ///< the dependence barrier that is decremented, or no_barrier: the block's count only
    bool operator>(const Event& other) const { return cycle > other.cycle; }
  };
  struct Access {
    int slot;
    std::uint8_t barrier = no_barrier, first = 0, count = 0;
    bool load = false;
    int requests = 0;
    Cycle seen = 0;
  };

  // sm.cpp: time; issue.cpp: from issue_from to register_reads
  void step(Cycle now);
  void start(Dimensions block_index, Cycle now);
  void issue_from(SubCore& sub, Cycle now);
  Cycle earliest(const SubCore& sub, int slot) const;
  void issue(SubCore& sub, int slot, Cycle now);
  int register_reads(SubCore& sub, int slot, const Decoded& decoded, bool& conflict);
  void set_wait(int slot, Wait wait);
  void refresh(int slot);
  void decrement(int slot, int barrier, Cycle now);
  void add_event(Cycle cycle, int slot, int barrier);
  Cycle next_event() const;
  void handle(const Event& event, Cycle now);
  void check_barrier(int block, int barrier, Cycle now);
  void retire(int slot, Cycle now);
  void release_block(int block, Cycle now);
  activity::State waiting_state() const;
  void account(Cycle now);

  // execute.cpp: what instructions do
  [[noreturn]] void fault(const Slot& slot, const std::string& what, Cycle now) const;
  std::uint32_t guard(const Slot& slot, const Instruction& instruction) const;
  void arithmetic(Slot& slot, const Decoded& decoded, std::uint32_t lanes);
  void control(int slot, const Decoded& decoded, std::uint32_t lanes, Cycle now);
  LaneAddresses addresses(const Slot& slot, const Decoded& decoded, std::uint32_t lanes, std::uint64_t limit,
                          Cycle now) const;
  int shared_words_access(Slot& slot, const Decoded& decoded, std::uint32_t lanes, Cycle now);
  /// Returns the cycle from which the result is valid (never: unknown) and that in which the sources are read.
  std::pair<Cycle, Cycle> shared_access(SubCore& sub, int slot, const Decoded& decoded, std::uint32_t lanes, Cycle now);
  std::pair<Cycle, Cycle> global_access(SubCore& sub, int slot, const Decoded& decoded, std::uint32_t lanes, Cycle now);
  Cycle enter_load_store(SubCore& sub, int cycles, Cycle now);
  void load_global(Slot& slot, const Instruction& instruction, const LaneAddresses& at, const Sectors& sectors,
                   std::uint32_t lanes);
  void store_global(const Slot& slot, const Instruction& instruction, const LaneAddresses& at, std::uint32_t lanes);
  void send(int slot, const Decoded& decoded, const Sectors& sectors, Cycle leaves);

  int index_;
  SmParameters parameters_;
  memory::Contents& contents_;
  std::uint64_t memory_bytes_;
  bool values_ = true;
  States states_;
  Counters counters_;
  bool check_;

  const KernelRun* run_ = nullptr;
  int room_ = 0, resident_ = 0, stores_outstanding_ = 0;
  Cycle wake_ = never, accounted_ = 0;
  activity::State waiting_ = activity::State::idle;
  activity::Tag waiting_tag_;
  std::vector<LaneWords> register_file_;
  std::array<Slot, max_warp_slots> slots_;
  std::array<std::uint8_t, max_warp_slots> sub_core_of_{};
  std::array<Wait, max_warp_slots> wait_{};    ///< by slot
  std::array<Pipe, max_warp_slots> pipe_{};    ///< by slot: of its next instruction
  std::array<Cycle, max_warp_slots> ready_{};  ///< by slot: stall counts and barriers keep it until then
  std::array<int, wait_count> waits_{};
  std::vector<Block> blocks_;
  std::deque<Dispatch> dispatches_;
  std::deque<Cycle> finished_blocks_;
  Cycle last_event_ = 0;
  Cycle busy_cycles_ = 0;  ///< since they were taken
  Cycle busy_until_ = 0;   ///< end of the last of them
  std::vector<SubCore> sub_cores_;
  /// Events of the next 64 cycles after `stepped_` lie in `near_[cycle mod 64]`, bit by bit in `near_mask_`; later ones
  /// in a heap, earliest first.
  static constexpr Cycle near_cycles = 64;
  std::array<std::vector<Event>, near_cycles> near_;
  std::uint64_t near_mask_ = 0;
  std::vector<Event> events_;
  Cycle stepped_ = 0;
  Cycle load_store_free_ = 0;
  std::vector<Access> accesses_;
  std::vector<int> free_accesses_;
  std::vector<SectorRange> ranges_;
  std::deque<Outgoing> outgoing_;
  std::vector<Hazards> hazards_;
  Cycle first_mac_ = never, last_mac_ = 0;
  std::uint64_t instructions_issued_ = 0;
};

}  // namespace triad::gpu
