#include "models/gpu/sm/activity.hpp"

#include <algorithm>

namespace triad::gpu {

Counters::Counters(kit::Track track, const activity::Technology& technology, const SmParameters& parameters,
                   std::uint64_t clock_hz)
    : track_(track), period_(std::max<Cycle>(1, clock_hz / 1'000'000)) {
  const double shared = technology.sram_picojoules_per_byte(static_cast<double>(parameters.shared_bytes) /
                                                            static_cast<double>(parameters.shared_banks));
  const auto declare = [&](Action action, const char* name, double picojoules) {
    numbers_[static_cast<std::size_t>(action)] = track_.add_action(name, picojoules);
  };
  declare(Action::instructions, "warp_instructions", technology.picojoules("instruction"));
  declare(Action::mac_fp32, "mac_fp32", technology.picojoules("mac_fp32"));
  declare(Action::add_fp32, "add_fp32", technology.picojoules("add_fp32"));
  declare(Action::multiply_fp32, "multiply_fp32", technology.picojoules("multiply_fp32"));
  declare(Action::add_int32, "add_int32", technology.picojoules("add_int32"));
  declare(Action::multiply_int32, "multiply_int32", technology.picojoules("multiply_int32"));
  declare(Action::special, "special_fp32", technology.picojoules("special_fp32"));
  declare(Action::register_bytes, "register_bytes", technology.picojoules("register_byte"));
  declare(Action::shared_bytes, "shared_bytes", shared);
}

void Counters::flush(Cycle now) {
  std::uint64_t useful = 0;  // fp32 lanes: integer work serves addresses and loops
  for (std::size_t a = 0; a < action_count; ++a) {
    track_.count(numbers_[a], counts_[a], from_, last_);
    const auto action = static_cast<Action>(a);
    if (action == Action::mac_fp32 || action == Action::add_fp32 || action == Action::multiply_fp32) {
      useful += counts_[a];
    }
  }
  if (useful > 0) track_.work(useful);
  counts_.fill(0);
  from_ = now;
  next_ = now + period_;
}

}  // namespace triad::gpu
