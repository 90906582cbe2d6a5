#include <gtest/gtest.h>

#include "harness.hpp"

/// Command processor, loaders and buffer, to the cycle. Tiny: all clocks 500 MHz, memory latency 60 ns = 30 cycles, a
/// channel moves 32 B in 32 B x 2 channels / 4 GB/s = 16 ns = 8 cycles.
namespace triad::asic {
namespace {

using isa::Engine;
using isa::Field;

/// An engine that takes `cycles` for every layer and begins one when the one before has ended.
struct FakeEngine : LayerSink {
  Scoreboard& scoreboard;
  Cycle cycles;
  Cycle free = 0;
  std::vector<Cycle> enabled, begun;
  FakeEngine(Scoreboard& s, Cycle c) : scoreboard(s), cycles(c) {}
  void program(const Layer& layer) override {
    enabled.push_back(layer.enabled);
    begun.push_back(std::max(layer.enabled, free));
    free = begun.back() + cycles;
    scoreboard.done(Engine::gemm, free);
  }
};

struct CommandRun {
  std::vector<Cycle> enabled, begun;
  Cycle end;
};

CommandRun run_commands(int layers, Cycle cycles, const test::Settings& settings) {
  test::Bench bench(settings);
  const device::Job job;
  Program program(job);
  program.stream.assign(static_cast<std::size_t>(layers), test::product(0, 1, 1, 1).descriptor);
  program.layers[0] = layers;
  memory::Memory memory("memory", bench.memory_parameters, bench.recorder, bench.technology);
  for (std::size_t i = 0; i < program.stream.size(); ++i) {
    const isa::Encoded words = isa::encode(program.stream[i]);
    memory.contents().write(i * isa::descriptor_bytes, reinterpret_cast<const std::byte*>(words.data()),
                            isa::descriptor_bytes);
  }
  MemoryInterface interface("interface", bench.clock, memory, true);
  CommandProcessor command("command", bench.clock, bench.parameters, program, 1, bench.scoreboard, interface,
                           bench.recorder, bench.technology);
  FakeEngine engine(bench.scoreboard, cycles);
  command.connect(Engine::gemm, engine);
  command.start();
  bench.run({&command});
  EXPECT_TRUE(command.finished());
  return {engine.enabled, engine.begun, engine.free};
}

TEST(CommandTiming, TheFirstLayer) {
  const CommandRun run = run_commands(1, 100, {"memory.interleave=128 B"});
  // 200 ns doorbell = 100; request 1 later at 101; memory's next edge 102 + 30 latency + 4 accesses x 8 = 164, seen one
  // edge later at 165; 32 registers at 4 a cycle = 173; the engine sees it one later
  EXPECT_EQ(run.enabled, std::vector<Cycle>{174});
}

/// With two register groups a layer is programmed while the one before runs: the engine never waits.
TEST(CommandTiming, PingPongHidesProgramming) {
  const CommandRun two = run_commands(4, 400, {"memory.interleave=128 B"});
  for (std::size_t i = 1; i < 4; ++i) EXPECT_EQ(two.begun[i], two.begun[i - 1] + 400) << i;
  EXPECT_EQ(two.enabled[2], two.begun[1] + 8 + 1);  // its group was freed when layer 0 ended; 8 cycles of writes
}

TEST(CommandTiming, OneRegisterGroupDoesNot) {
  const CommandRun one = run_commands(4, 400, {"memory.interleave=128 B", "command.register_groups=1"});
  // after every layer: 8 cycles of writes, seen one later
  for (std::size_t i = 1; i < 4; ++i) EXPECT_EQ(one.begun[i], one.begun[i - 1] + 400 + 8 + 1) << i;
}

struct Loaded : TileSink {
  std::vector<Cycle> cycles;
  void loaded(OperandPort, std::int64_t, Cycle cycle) override { cycles.push_back(cycle); }
};

struct LoaderBench : test::Bench {
  explicit LoaderBench(const test::Settings& settings = {})
      : Bench(settings),
        memory("memory", memory_parameters, recorder, technology),
        interface("interface", clock, memory, true),
        loader("loader", clock, OperandPort::activations, parameters, buffer, scoreboard, interface, sink, recorder,
               technology) {}
  memory::Memory memory;
  MemoryInterface interface;
  Loaded sink;
  Loader loader;
};

/// fp32 vectors of `depth` channels.
Layer load(std::int64_t index, std::int64_t vectors, std::int64_t depth, int bank) {
  Layer layer = test::product(index, vectors, 1, depth);
  layer.descriptor.set(Field::storage_in, static_cast<std::int64_t>(isa::Storage::fp32));
  layer.descriptor.set(Field::parts, 3);
  layer.descriptor.set(Field::a_bank, bank);
  layer.a = {0, 4 * depth};
  return layer;
}

TEST(LoaderTiming, OneBurst) {
  LoaderBench bench;
  bench.loader.program(load(0, 4, 4, 0));
  bench.run({&bench.loader});
  // 64 B: request at 1; memory's edge 2 + 30 latency + 2 accesses x 8 = 48, seen at 49. The first access is seen at 41;
  // from there 16 values at 2 a cycle end at 49, but the last byte takes until 50.
  EXPECT_EQ(bench.sink.cycles, std::vector<Cycle>{50});
}

TEST(LoaderTiming, TurningATransposedTileTakesOneMoreSquare) {
  LoaderBench bench;
  Layer layer = load(0, 4, 4, 0);
  layer.descriptor.set(Field::a_transposed, 1);
  bench.loader.program(layer);
  bench.run({&bench.loader});
  EXPECT_EQ(bench.sink.cycles, std::vector<Cycle>{50 + 2});  // loader_lanes
}

TEST(LoaderTiming, TheWritePortIsTheLimitOfANarrowLoader) {
  LoaderBench bench({"gemm.loader_lanes=1"});
  bench.loader.program(load(0, 4, 4, 0));
  bench.run({&bench.loader});
  EXPECT_EQ(bench.sink.cycles, std::vector<Cycle>{41 + 16});
}

TEST(LoaderTiming, TakenBanksMakeATileWait) {
  LoaderBench bench;
  bench.loader.program(load(0, 4, 4, 0));
  bench.loader.program(load(1, 4, 4, 0));
  bench.loader.program(load(2, 4, 4, 1));
  bench.run({&bench.loader});
  EXPECT_EQ(bench.sink.cycles.size(), 1u);
  EXPECT_EQ(bench.loader.waits_for(), "layer 1 waits for banks 0..0 to be released");
  bench.buffer.release(0, 1, 200);
  bench.loader.wake_at(200);
  bench.run({&bench.loader});
  // from 200 as from 0; the tile for another bank follows from there on
  EXPECT_EQ(bench.sink.cycles, (std::vector<Cycle>{50, 250, 300}));
}

TEST(LoaderTiming, ATileForFreeBanksFollowsAtOnce) {
  LoaderBench bench;
  bench.loader.program(load(0, 4, 4, 0));
  bench.loader.program(load(1, 4, 4, 1));
  bench.run({&bench.loader});
  EXPECT_EQ(bench.sink.cycles, (std::vector<Cycle>{50, 100}));
}

TEST(LoaderTiming, AReusedTileIsThereAtOnce) {
  LoaderBench bench;
  bench.loader.program(load(0, 4, 4, 0));
  Layer again = load(1, 4, 4, 0);
  again.descriptor.set(Field::a_reuse, 1);
  bench.loader.program(again);
  bench.run({&bench.loader});
  EXPECT_EQ(bench.sink.cycles, (std::vector<Cycle>{50, 50}));
  EXPECT_EQ(bench.memory.read_bytes(), 64u);
}

}  // namespace
}  // namespace triad::asic
