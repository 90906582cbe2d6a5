#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "support.hpp"

/// What goes wrong must be seen: every fault put into data or program changes the loss or is reported as a fault of the
/// run (hazard, deadlock). Otherwise tokens and fields of instructions would be decoration.
namespace triad::tpu {
namespace {

struct Outcome {
  std::vector<double> loss;
  std::string fault;  ///< or empty
  bool operator==(const Outcome&) const = default;
};

/// The linear workload on the tiny device, three steps.
class Faults : public testing::Test {
 protected:
  std::unique_ptr<device::Device> device_ = test::make("tiny");
  device::Job job_ = test::load("linear", {"steps=3"});

  Outcome run(const device::Program& program, const device::Job& job, const device::RunOptions& options) const {
    try {
      return {test::run(*device_, program, job, options).loss, ""};
    } catch (const device::Fault& fault) {
      return {{}, fault.what()};
    }
  }
  Outcome run(const device::Job& job) const { return run(*device_->lower(job), job, {.check = true}); }
  /// Runs the program with a change.
  Outcome run_changed(const std::function<void(std::vector<Instruction>&)>& change,
                      const device::RunOptions& options = {.check = true}) const {
    const auto program = device_->lower(job_);
    change(dynamic_cast<TpuProgram&>(*program).code);
    return run(*program, job_, options);
  }
  std::vector<Instruction> code() const { return dynamic_cast<TpuProgram&>(*device_->lower(job_)).code; }
  Parameters parameters() const { return Parameters::read(config::load(config::presets() / "tpu/tiny.yaml")); }
};

TEST_F(Faults, EveryFlippedBitOfAWeightChangesTheLoss) {
  const Outcome good = run(job_);
  ASSERT_EQ(good.fault, "");
  for (auto& [id, tensor] : job_.initial) {
    for (std::size_t element = 0; element < tensor.bytes.size() / 4; ++element) {
      // Little endian: byte 2 holds mantissa bits 16 to 22, byte 3 sign and exponent.
      for (const auto& [byte, mask] : {std::pair{2, 0x40}, std::pair{3, 0x80}}) {
        std::byte& at = tensor.bytes[4 * element + static_cast<std::size_t>(byte)];
        at ^= static_cast<std::byte>(mask);
        const Outcome bad = run(job_);
        at ^= static_cast<std::byte>(mask);
        EXPECT_NE(bad, good) << job_.graph.tensor(id).name << "[" << element << "] byte " << byte;
      }
    }
  }
}

/// What is certain to be complete when an instruction is issued, from its waits and those of the instructions before:
/// queues issue and complete in order.
class Order {
 public:
  Order(const std::vector<Instruction>& code, int units) : units_(static_cast<std::size_t>(units)) {
    for (const Instruction& instruction : code) add(instruction, instruction.waits);
  }
  /// Is wait `w` of instruction `i` certain without itself?
  static bool implied(const std::vector<Instruction>& code, std::size_t i, std::size_t w, int units) {
    Order order(std::vector<Instruction>(code.begin(), code.begin() + static_cast<long>(i)), units);
    std::vector<Wait> waits = code[i].waits;
    const Wait dropped = waits[w];
    waits.erase(waits.begin() + static_cast<long>(w));
    return order.add(code[i], waits)[static_cast<std::size_t>(dropped.unit)] >= dropped.count;
  }

 private:
  using Counts = std::vector<std::uint64_t>;  ///< instructions of each unit
  struct Queue {
    std::vector<Counts> issued, completed;  ///< certain when the instruction is issued, when it is complete
    std::uint64_t tiles = 0;                ///< weight tiles that a matrix unit's instructions have used
  };
  static void raise(Counts& to, const Counts& by) {
    for (std::size_t u = 0; u < to.size(); ++u) to[u] = std::max(to[u], by[u]);
  }
  const Counts& add(const Instruction& instruction, const std::vector<Wait>& waits) {
    Queue& queue = queues_[instruction.unit];
    Counts known = queue.issued.empty() ? Counts(units_, 0) : queue.issued.back();
    for (const Wait& wait : waits) raise(known, queues_[wait.unit].completed.at(wait.count - 1));
    Counts done = known;
    if (!queue.completed.empty()) raise(done, queue.completed.back());
    done[static_cast<std::size_t>(instruction.unit)] = queue.completed.size() + 1;
    if (const auto* multiply = std::get_if<MatrixMultiply>(&instruction.body)) {
      // Rows that swap meet the next tile, which the unit before this one has loaded.
      queue.tiles += multiply->swap;
      done[static_cast<std::size_t>(instruction.unit) - 1] = queue.tiles;
    }
    queue.completed.push_back(std::move(done));
    queue.issued.push_back(std::move(known));
    return queue.issued.back();
  }
  std::size_t units_;
  std::map<int, Queue> queues_;
};

/// A token is seen to be missing on one of these machines, in which one unit or another is slow, unless the other
/// tokens imply it.
TEST_F(Faults, EveryDroppedTokenIsSeen) {
  const std::vector<test::Settings> machines = {{},
                                                {"memory.bandwidth=10 MB/s"},
                                                {"vpu.latency=1000"},
                                                {"transpose.latency=10000"},
                                                {"mxu.stalls={seed: 1, percent: 90}"},
                                                {"dma.setup=2000"},
                                                {"memory.latency=40 us"}};
  const std::vector<Instruction> program = code();
  const int units = parameters().units();
  std::vector<Outcome> good;
  for (const test::Settings& settings : machines) {
    device_ = test::make("tiny", settings);
    good.push_back(run(job_));
    ASSERT_EQ(good.back().fault, "");
    EXPECT_EQ(good.back().loss, good.front().loss) << "a value depends on timing";
  }
  int implied = 0, hazards = 0, losses = 0;
  for (std::size_t i = 0; i < program.size(); ++i) {
    for (std::size_t w = 0; w < program[i].waits.size(); ++w) {
      if (Order::implied(program, i, w, units)) {
        ++implied;
        continue;
      }
      bool seen = false;
      for (std::size_t m = 0; m < machines.size() && !seen; ++m) {
        device_ = test::make("tiny", machines[m]);
        const Outcome bad =
            run_changed([&](auto& code) { code[i].waits.erase(code[i].waits.begin() + static_cast<long>(w)); });
        seen = bad != good[m];
        hazards += bad.fault.find("hazard") != std::string::npos;
        losses += seen && bad.fault.empty();
      }
      EXPECT_TRUE(seen) << "instruction " << i << " without wait " << w << ": " << to_string(program[i], parameters());
    }
  }
  EXPECT_GT(hazards, 0);
  testing::Test::RecordProperty(
      "dropped", fmt::format("{} implied by others, {} hazards, {} other losses", implied, hazards, losses));
}

/// Dependences through device memory: on-chip memory is too small for what the step makes, so tensors are streamed out
/// and in again. A load that does not wait for the store of what it reads meets it in flight.
TEST_F(Faults, ATokenDroppedThroughDeviceMemoryIsAHazard) {
  // Memory is so slow that a load which does not wait is issued while the store is in flight.
  const test::Settings settings = {"vmem.size=8 KiB", "memory.latency=4 us"};
  device_ = test::make("tiny", settings);
  job_ = test::load("dense-relu", {"steps=1"});
  const Parameters p = Parameters::read(config::load(config::presets() / "tpu/tiny.yaml", settings));
  const std::vector<Instruction> program = code();
  ASSERT_EQ(run(job_).fault, "");
  int dropped = 0, hazards = 0;
  for (std::size_t i = 0; i < program.size(); ++i) {
    if (program[i].unit != p.load_unit()) continue;
    for (std::size_t w = 0; w < program[i].waits.size(); ++w) {
      if (program[i].waits[w].unit != p.store_unit() || Order::implied(program, i, w, p.units())) continue;
      ++dropped;
      const Outcome bad =
          run_changed([&](auto& code) { code[i].waits.erase(code[i].waits.begin() + static_cast<long>(w)); });
      EXPECT_TRUE(bad.fault.starts_with("dense-relu: hazard in cycle ")) << "instruction " << i << ": " << bad.fault;
      // Or of the staging buffer on chip, when load and store share it.
      hazards += bad.fault.find(": dma_load reads bytes of device memory ") != std::string::npos &&
                 bad.fault.find(" while dma_store writes ") != std::string::npos;
    }
  }
  EXPECT_GE(dropped, 4);
  EXPECT_GE(hazards, 3);
}

/// The first instruction of a kind that the predicate accepts.
template <class Body>
std::size_t find(const std::vector<Instruction>& code, const std::function<bool(const Instruction&, const Body&)>& is) {
  for (std::size_t i = 0; i < code.size(); ++i) {
    const auto* body = std::get_if<Body>(&code[i].body);
    if (body != nullptr && is(code[i], *body)) return i;
  }
  ADD_FAILURE() << "the program has no such instruction";
  return 0;
}

TEST_F(Faults, EveryAlteredFieldIsSeen) {
  const Outcome good = run(job_);
  const std::vector<Instruction> program = code();
  const Parameters p = parameters();
  const auto load = find<Transfer>(program, [&](auto& i, auto&) { return i.unit == p.load_unit(); });
  const auto store = find<Transfer>(program, [&](auto& i, auto&) { return i.unit == p.store_unit(); });
  const auto last_store = [&](auto change) {
    return [change](std::vector<Instruction>& code) { change(std::get<Transfer>(code.back().body)); };
  };
  const auto weights = find<LoadWeights>(program, [](auto&, auto&) { return true; });
  const auto multiply = find<MatrixMultiply>(program, [](auto&, auto&) { return true; });
  const auto adding = find<MatrixMultiply>(program, [](auto&, auto& m) { return m.accumulate; });
  const auto kept = find<MatrixMultiply>(program, [](auto&, auto& m) { return !m.swap; });
  const auto turn = find<Transpose>(program, [](auto&, auto&) { return true; });
  const auto vector = [&](graph::OpKind kind) {
    return find<Vector>(program, [kind](auto&, auto& v) { return v.function == kind; });
  };
  const auto add = vector(graph::OpKind::add), mse = vector(graph::OpKind::mse), sgd = vector(graph::OpKind::sgd);
  const auto sum = vector(graph::OpKind::reduce_sum);

  const auto at = [](std::size_t i, auto change) {
    return [i, change](std::vector<Instruction>& code) { change(code[i]); };
  };
  const std::vector<std::pair<std::string, std::function<void(std::vector<Instruction>&)>>> changes = {
      {"load: address in memory", at(load, [](Instruction& i) { std::get<Transfer>(i.body).memory.base += 4; })},
      {"load: stride", at(load, [](Instruction& i) { std::get<Transfer>(i.body).stride -= 4; })},
      {"load: address on chip", at(load, [](Instruction& i) { std::get<Transfer>(i.body).block.address += 4; })},
      {"load: rows", at(load, [](Instruction& i) { std::get<Transfer>(i.body).block.rows -= 1; })},
      {"load: columns", at(load, [](Instruction& i) { std::get<Transfer>(i.body).block.columns -= 1; })},
      {"load: pitch", at(load, [](Instruction& i) { std::get<Transfer>(i.body).block.pitch += 4; })},
      {"store of the loss: step", at(store, [](Instruction& i) { std::get<Transfer>(i.body).memory.stride = 0; })},
      {"store of the loss: address", at(store, [](Instruction& i) { std::get<Transfer>(i.body).memory.base += 4; })},
      {"store of a parameter: address", last_store([](Transfer& t) { t.memory.base += 256; })},
      {"store of a parameter: rows", last_store([](Transfer& t) { t.block.rows = 0; })},
      {"weights: part", at(weights, [](Instruction& i) { std::get<LoadWeights>(i.body).part -= 1; })},
      {"weights: address", at(weights, [](Instruction& i) { std::get<LoadWeights>(i.body).weights.address += 4; })},
      {"weights: rows", at(weights, [](Instruction& i) { std::get<LoadWeights>(i.body).weights.rows -= 1; })},
      {"multiply: part", at(multiply, [](Instruction& i) { std::get<MatrixMultiply>(i.body).part ^= 1; })},
      {"multiply: rows", at(multiply, [](Instruction& i) { std::get<MatrixMultiply>(i.body).rows.rows -= 1; })},
      {"multiply: result", at(multiply, [](Instruction& i) { std::get<MatrixMultiply>(i.body).result.address += 4; })},
      {"multiply: accumulate", at(adding, [](Instruction& i) { std::get<MatrixMultiply>(i.body).accumulate = false; })},
      {"multiply: swap", at(kept, [](Instruction& i) { std::get<MatrixMultiply>(i.body).swap ^= true; })},
      {"transpose: rows", at(turn, [](Instruction& i) { std::get<Transpose>(i.body).from.address += 4; })},
      {"transpose: to", at(turn, [](Instruction& i) { std::get<Transpose>(i.body).to.address += 4; })},
      {"add: function", at(add, [](Instruction& i) { std::get<Vector>(i.body).function = graph::OpKind::subtract; })},
      {"add: second operand", at(add, [](Instruction& i) { std::get<Vector>(i.body).inputs[1].address += 4; })},
      {"add: output", at(add, [](Instruction& i) { std::get<Vector>(i.body).outputs[0].address += 4; })},
      {"sum: accumulate", at(sum, [](Instruction& i) { std::get<Vector>(i.body).accumulate = true; })},
      {"mse: scale", at(mse, [](Instruction& i) { std::get<Vector>(i.body).scale *= 2; })},
      {"sgd: learning rate", at(sgd, [](Instruction& i) { std::get<Vector>(i.body).scale *= 2; })},
      {"sgd: gradient", at(sgd, [](Instruction& i) { std::get<Vector>(i.body).inputs[1].address += 4; })},
      {"beyond the memory", at(sgd, [](Instruction& i) { std::get<Vector>(i.body).outputs[0].address = 65536; })},
  };
  for (const auto& [name, change] : changes) EXPECT_NE(run_changed(change), good) << name;
}

TEST_F(Faults, ADeadlockSaysWhoWaitsForWhom) {
  const Parameters p = parameters();
  const std::size_t first = find<Vector>(code(), [](auto&, auto&) { return true; });
  const Outcome never = run_changed([&](auto& code) { code[first].waits = {{p.transpose_unit(), 99}}; });
  EXPECT_NE(never.fault.find("deadlock at cycle"), std::string::npos) << never.fault;
  EXPECT_NE(never.fault.find("vpu: token of transpose, "), std::string::npos) << never.fault;
  EXPECT_NE(never.fault.find(" of 99 there; instruction vpu"), std::string::npos) << never.fault;
  // The sequencer is stuck behind a full queue, or waits for the end of the step.
  EXPECT_NE(never.fault.find("sequencer: "), std::string::npos) << never.fault;

  // Two that wait for one another: the store of the loss for the vector unit, which waits for the store.
  const Outcome circle = run_changed([&](auto& code) { code[first].waits = {{p.store_unit(), 1}}; });
  EXPECT_NE(circle.fault.find("vpu: token of dma_store, 0 of 1 there"), std::string::npos) << circle.fault;
  EXPECT_NE(circle.fault.find("dma_store: token of vpu, "), std::string::npos) << circle.fault;

  const Outcome no_weights = run_changed([&](auto& code) {
    std::erase_if(code, [&](const Instruction& i) { return i.unit == p.weights_unit(0); });
    for (Instruction& i : code)
      std::erase_if(i.waits, [&](const Wait& wait) { return wait.unit == p.weights_unit(0); });
  });
  EXPECT_NE(no_weights.fault.find("mxu0: rows are offered, but no weights were loaded for them"), std::string::npos)
      << no_weights.fault;
}

TEST_F(Faults, MaxCyclesBoundsARunAndChangesNothingElse) {
  const auto program = device_->lower(job_);
  const device::RunResult whole = test::run(*device_, *program, job_);
  const Outcome cut = run(*program, job_, {.check = true, .max_cycles = whole.cycles - 1});
  EXPECT_EQ(cut.fault,
            fmt::format("linear: stopped after {} cycles (--max-cycles) with work outstanding", whole.cycles - 1));
  for (const std::uint64_t limit : {whole.cycles, whole.cycles + 1, 10 * whole.cycles}) {
    const device::RunResult again = test::run(*device_, *program, job_, {.check = true, .max_cycles = limit});
    EXPECT_EQ(again.cycles, whole.cycles) << "with a limit of " << limit;
    EXPECT_EQ(again.energy_joules, whole.energy_joules);
    EXPECT_EQ(again.loss, whole.loss);
  }
  // A deadlock is no lack of cycles.
  const std::size_t first = find<Vector>(code(), [](auto&, auto&) { return true; });
  const Outcome never = run_changed(
      [&](auto& code) {
        code[first].waits = {{parameters().transpose_unit(), 99}};
      },
      {.check = true, .max_cycles = 1'000'000});
  EXPECT_NE(never.fault.find("deadlock at cycle"), std::string::npos) << never.fault;
}

}  // namespace
}  // namespace triad::tpu
