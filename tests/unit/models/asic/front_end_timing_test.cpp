#include <gtest/gtest.h>

#include "harness.hpp"

/// Command processor, loaders and buffer, to the cycle. Tiny: all clocks 500 MHz, memory latency 60 ns = 30 cycles, a
/// channel moves 32 B in 32 B x 2 channels / 4 GB/s = 16 ns = 8 cycles.
namespace triad::asic {
namespace {

using isa::Engine;
using test::layer_of;

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
    scoreboard.done(layer.descriptor->engine, free);
  }
};

struct CommandRun {
  std::vector<Cycle> enabled, begun;
  std::size_t lines = 0;
};

CommandRun run_commands(const std::vector<isa::Descriptor>& stream, Cycle cycles, test::Settings settings) {
  settings.push_back("memory.interleave=128 B");
  test::Bench bench(settings);
  const device::Job job;
  Program program(job, job.graph);
  program.stream = stream;
  memory::Memory memory("memory", bench.memory_parameters, bench.recorder, bench.technology, true);
  std::vector<std::uint32_t> words;
  for (const isa::Descriptor& layer : stream) {
    const std::vector<std::uint32_t> one = isa::encode(layer);
    words.insert(words.end(), one.begin(), one.end());
    ++program.layers[static_cast<std::size_t>(layer.engine)];
  }
  memory.contents().write(0, reinterpret_cast<const std::byte*>(words.data()), 4 * words.size());
  MemoryInterface interface("interface", bench.clock, memory, bench.memory_parameters.capacity, false, true);
  const std::size_t lines = words.size() / isa::line_words;
  CommandProcessor command("command", bench.clock, bench.parameters, program, static_cast<std::int64_t>(lines), 1,
                           bench.scoreboard, interface, bench.recorder, bench.technology);
  FakeEngine engine(bench.scoreboard, cycles);
  command.connect(stream[0].engine, engine);
  command.start();
  bench.run({&command});
  EXPECT_TRUE(command.finished());
  return {engine.enabled, engine.begun, lines};
}

/// Layers of one line.
std::vector<isa::Descriptor> small(std::size_t count) {
  isa::Descriptor d;
  d.engine = Engine::pooling;
  return std::vector<isa::Descriptor>(count, d);
}

TEST(CommandTiming, TheFirstLayer) {
  const CommandRun run = run_commands(small(1), 100, {});
  ASSERT_EQ(run.lines, 1u);
  // 200 ns doorbell = 100; request 1 later at 101; memory's next edge 102 + 30 latency + 4 accesses x 8 = 164, seen one
  // edge later at 165; 32 registers at 4 a cycle = 173; the engine sees it one later
  EXPECT_EQ(run.enabled, std::vector<Cycle>{174});
}

/// A descriptor of three lines, of which two are fetched ahead: line 1 lies in the other channel and arrives with line
/// 0, one request later; line 2 is asked for when line 1 arrives, since line 0 has left its place then.
TEST(CommandTiming, ALongLayerIsWrittenLineByLine) {
  isa::Descriptor d = test::product(1, 1, 1);
  d.gemm.a.guarded = d.gemm.b.guarded = true;
  const CommandRun run = run_commands({d}, 100, {});
  ASSERT_EQ(run.lines, 3u);
  // line 0 at 165 to 173; line 1 at 166, written to 181; line 2: request 167, edge 168 + 30 + 32 = 230, seen at 231; 8
  // cycles of writes; the engine sees it one later
  EXPECT_EQ(run.enabled, std::vector<Cycle>{240});
}

/// With two register groups a layer is programmed while the one before runs: the engine never waits.
TEST(CommandTiming, PingPongHidesProgramming) {
  const CommandRun two = run_commands(small(4), 400, {});
  for (std::size_t i = 1; i < 4; ++i) EXPECT_EQ(two.begun[i], two.begun[i - 1] + 400) << i;
  EXPECT_EQ(two.enabled[2], two.begun[1] + 8 + 1);  // its group was freed when layer 0 ended; 8 cycles of writes
}

TEST(CommandTiming, OneRegisterGroupDoesNot) {
  const CommandRun one = run_commands(small(4), 400, {"command.register_groups=1"});
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
        memory("memory", memory_parameters, recorder, technology, true),
        interface("interface", clock, memory, memory_parameters.capacity, true, true),
        loader("loader", clock, OperandPort::activations, parameters, buffer, scoreboard, interface, sink, recorder,
               technology) {}
  memory::Memory memory;
  MemoryInterface interface;
  Loaded sink;
  Loader loader;
};

/// fp32 vectors of `depth` channels in bank 0 (and 1, the other slot).
isa::Descriptor load(std::int64_t vectors, std::int64_t depth, int bank = 0) {
  isa::Descriptor d = test::product(vectors, 1, depth);
  d.gemm.storage = isa::Storage::fp32;
  d.gemm.parts = 3;
  d.gemm.a_bank = bank;
  return d;
}

TEST(LoaderTiming, OneBurst) {
  LoaderBench bench;
  bench.loader.program(layer_of(load(4, 4)));
  bench.run({&bench.loader});
  // 64 B: request at 1; memory's edge 2 + 30 latency + 2 accesses x 8 = 48, seen at 49. The first access is seen at 41;
  // from there 16 values at 2 a cycle end at 49, the last byte is there at 50; 4 lines of each of the three parts are
  // written a line a cycle.
  EXPECT_EQ(bench.sink.cycles, std::vector<Cycle>{41 + 4 * 3});
}

/// bf16 has one part: what memory brings is the limit.
TEST(LoaderTiming, OneBurstOfBf16) {
  LoaderBench bench;
  bench.loader.program(layer_of(test::product(8, 1, 4)));
  bench.run({&bench.loader});
  // 64 B as in OneBurst, but 32 values at 2 a cycle: 16 cycles from 41; 8 lines would be written in 8.
  EXPECT_EQ(bench.sink.cycles, std::vector<Cycle>{41 + 16});
}

TEST(LoaderTiming, TurningATransposedTileTakesOneMoreSquare) {
  LoaderBench bench;
  isa::Descriptor d = load(4, 4);
  d.gemm.a.v_stride[2] = 1;
  d.gemm.a.k_stride[2] = 4;
  bench.loader.program(layer_of(d));
  bench.run({&bench.loader});
  EXPECT_EQ(bench.sink.cycles, std::vector<Cycle>{53 + 2});  // loader_lanes
}

TEST(LoaderTiming, TheWritePortIsTheLimitOfANarrowLoader) {
  LoaderBench bench({"gemm.loader_lanes=1"});
  bench.loader.program(layer_of(load(4, 4)));
  bench.run({&bench.loader});
  EXPECT_EQ(bench.sink.cycles, std::vector<Cycle>{41 + 16});
}

/// A 3 x 3 kernel over 4 x 4 pixels: 4 windows of 9 channels. The image's 64 B are read once; 4 vectors of 3 lines (9
/// channels in lines of 4) in three parts are written a line a cycle from the first access on.
TEST(LoaderTiming, AnImageIsReadOnceAndWrittenWindowByWindow) {
  LoaderBench bench({"gemm.buffer.bank=480 B"});
  isa::Descriptor d = load(4, 9);
  isa::Matrix& m = d.gemm.a;
  m.guarded = true;
  m.v_extent = {1, 2, 2}, m.v_stride = {16, 4, 1};
  m.k_extent = {1, 3, 3}, m.k_stride = {16, 0, 0};
  m.guard[0] = m.guard[1] = {1, 1, 0, 1, 4};
  bench.loader.program(layer_of(d));
  bench.run({&bench.loader});
  EXPECT_EQ(bench.memory.read_bytes(), 64u);
  // first at 41, 36 lines = 77 (the 16 values were there at 50); one more square of 2
  EXPECT_EQ(bench.sink.cycles, std::vector<Cycle>{77 + 2});
}

TEST(LoaderTiming, TakenBanksMakeATileWait) {
  LoaderBench bench;
  bench.loader.program(layer_of(load(4, 4, 0), 0));
  bench.loader.program(layer_of(load(4, 4, 0), 1));
  bench.loader.program(layer_of(load(4, 4, 1), 2));
  bench.run({&bench.loader});
  EXPECT_EQ(bench.sink.cycles.size(), 1u);
  EXPECT_EQ(bench.loader.waits_for(), "layer 1 waits for banks 0..0 to be released");
  bench.buffer.release(0, 1, 200);
  bench.loader.wake_at(200);
  bench.run({&bench.loader});
  // from 200 as from 0; the tile for another bank follows from there on
  EXPECT_EQ(bench.sink.cycles, (std::vector<Cycle>{53, 253, 306}));
}

/// The tiles of a layer alternate between two slots, so that the second is read while the first waits for the array.
TEST(LoaderTiming, TheOtherSlotFollowsAtOnce) {
  LoaderBench bench;
  isa::Descriptor d = load(8, 4);
  d.gemm.tile_rows = 4;
  bench.loader.program(layer_of(d));
  bench.run({&bench.loader});
  EXPECT_EQ(bench.sink.cycles, (std::vector<Cycle>{53, 106}));
}

TEST(LoaderTiming, AReusedTileIsThereAtOnce) {
  LoaderBench bench;
  isa::Descriptor d = load(4, 4);
  d.gemm.columns = 2, d.gemm.tile_columns = 1;
  bench.loader.program(layer_of(d));
  bench.run({&bench.loader});
  EXPECT_EQ(bench.sink.cycles, (std::vector<Cycle>{53, 53}));
  EXPECT_EQ(bench.memory.read_bytes(), 64u);
}

}  // namespace
}  // namespace triad::asic
