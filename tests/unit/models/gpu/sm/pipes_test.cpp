#include <gtest/gtest.h>

#include "chip.hpp"
#include "sim/device/device.hpp"

namespace triad::gpu {
namespace {

using activity::State;

TEST(Pipes, ExitAloneTakesOneCycle) {
  Assembler a;
  a.add(Opcode::exit);
  const Outcome r = run(small_chip(), a.kernel());
  // 100 launch + 1 dispatch to first issue + 1 EXIT
  EXPECT_EQ(r.cycles, 102u);
  EXPECT_EQ(r.instructions, 1u);
}

TEST(Pipes, DependentFfmasTakeTheLatencyEach) {
  Assembler a;
  for (int n = 0; n < 10; ++n) a.ffma(1, 1, 2, 3, 4);
  a.add(Opcode::exit);
  EXPECT_EQ(issue_cycles(run(small_chip(), a.kernel())), 10 * 4 + 1u);  // ten latencies of 4, EXIT
}

TEST(Pipes, IndependentFfmasTakeTheirLanes) {
  Assembler a;
  for (int n = 0; n < 10; ++n) a.ffma(n, 10 + n, 20, 21, 1);
  a.add(Opcode::exit);
  // 16 lanes take a warp of 32 in 2 cycles: issues at 0, 2, ..., 18, EXIT at 19
  EXPECT_EQ(issue_cycles(run(small_chip(), a.kernel())), 20u);
}

}  // namespace
}  // namespace triad::gpu
