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
    change(dynamic_cast<TpuProgram&>(*program).code());
    return run(*program, job_, options);
  }
  std::vector<Instruction> code() const { return dynamic_cast<TpuProgram&>(*device_->lower(job_)).code(); }
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
  static constexpr std::size_t bursts = 4;    // of configs/tpu/tiny.yaml
  using Counts = std::vector<std::uint64_t>;  ///< instructions of each unit
  struct Queue {
    std::vector<Counts> issued, completed;  ///< certain when the instruction is issued, when it is complete
    std::vector<std::size_t> swaps;         ///< of a matrix unit: how many instructions came before each that swaps
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
      if (multiply->swap) queue.swaps.push_back(queue.completed.size());
      done[static_cast<std::size_t>(instruction.unit) - 1] = queue.swaps.size();
    }
    if (std::holds_alternative<LoadWeights>(instruction.body) && queue.completed.size() > 0) {
      // A tile is complete when the one before was swapped in; of the rows before that only `bursts` are in flight.
      const std::size_t before = queues_[instruction.unit + 1].swaps.at(queue.completed.size() - 1);
      if (before + 1 > bursts) raise(done, queues_[instruction.unit + 1].completed.at(before - bursts));
    }
    queue.completed.push_back(std::move(done));
    queue.issued.push_back(std::move(known));
    return queue.issued.back();
  }
  std::size_t units_;
  std::map<int, Queue> queues_;
};

/// Makes instruction number `count` of a unit late: it waits, too, for a second matrix unit, which the program does not
/// use otherwise, to come to the end of many products.
void delay(std::vector<Instruction>& code, const Parameters& p, const Wait& late) {
  constexpr std::uint64_t products = 2000;  // of 64 rows: longer than a step
  std::uint64_t number = 0;
  for (Instruction& instruction : code) {
    if (instruction.unit == late.unit && ++number == late.count)
      instruction.waits.push_back({p.matrix_unit(1), products});
    for (Wait& wait : instruction.waits) wait.count += wait.unit == p.load_unit();
  }
  const Block rows{0xe000, 64, 4, 16, Format::fp32}, result{0xf000, 64, 4, 16, Format::fp32};
  std::vector<Instruction> begin = {
      {p.load_unit(), 0, {}, Transfer{{}, rows.address, 1024, {}}},
      {p.weights_unit(1), 0, {{p.load_unit(), 1}}, LoadWeights{rows.part(0, 0, 4, 4), 0}}};
  for (std::uint64_t i = 0; i < products; ++i) {
    begin.push_back({p.matrix_unit(1), 0, {{p.load_unit(), 1}}, MatrixMultiply{rows, 0, result, false, i == 0}});
  }
  code.insert(code.begin(), begin.begin(), begin.end());
}

/// The same machine with a second matrix unit to be late, and with queues so deep that they do not order what tokens
/// must order.
const test::Settings patient = {"sequencer.queue_depth=2000", "mxu.count=2", "dma.requests=1000",
                                "memory.credits=1000"};

/// Runs code in which what wait `w` of instruction `i` waits for is late, with or without that wait.
class Dropped {
 public:
  Dropped(const device::Device& lowers, const device::Job& job)
      : job_(job), program_(lowers.lower(job)), code_(dynamic_cast<TpuProgram&>(*program_).code()) {}
  const std::vector<Instruction>& code() const { return code_; }
  const Parameters& parameters() const { return parameters_; }
  Outcome run(std::size_t i, std::size_t w, bool drop) {
    std::vector<Instruction>& altered = dynamic_cast<TpuProgram&>(*program_).code();
    altered = code_;
    const Wait late = code_[i].waits[w];
    if (drop) altered[i].waits.erase(altered[i].waits.begin() + static_cast<long>(w));
    delay(altered, parameters_, late);
    try {
      return {test::run(*device_, *program_, job_).loss, ""};
    } catch (const device::Fault& fault) {
      return {{}, fault.what()};
    }
  }

 private:
  const device::Job& job_;
  std::unique_ptr<device::Program> program_;
  std::vector<Instruction> code_;
  Parameters parameters_ = Parameters::read(config::load(config::presets() / "tpu/tiny.yaml", patient));
  std::unique_ptr<device::Device> device_ = test::make("tiny", patient);
};

/// A token that is missing is seen when what it stands for is late, unless the other tokens imply it.
TEST_F(Faults, EveryDroppedTokenIsSeen) {
  const Outcome good = run(job_);
  ASSERT_EQ(good.fault, "");
  Dropped dropped(*device_, job_);
  int implied = 0, hazards = 0, losses = 0;
  for (std::size_t i = 0; i < dropped.code().size(); ++i) {
    for (std::size_t w = 0; w < dropped.code()[i].waits.size(); ++w) {
      if (Order::implied(dropped.code(), i, w, dropped.parameters().units())) {
        ++implied;
        continue;
      }
      EXPECT_EQ(dropped.run(i, w, false), good) << "a value depends on timing";
      const Outcome bad = dropped.run(i, w, true);
      EXPECT_NE(bad, good) << "instruction " << i << " without wait " << w << ": "
                           << to_string(dropped.code()[i], dropped.parameters());
      hazards += bad.fault.find("hazard") != std::string::npos;
      losses += bad != good && bad.fault.empty();
    }
  }
  EXPECT_GT(hazards, 0);
  testing::Test::RecordProperty(
      "dropped", fmt::format("{} implied by others, {} hazards, {} other losses", implied, hazards, losses));
}

/// Dependences through device memory: on-chip memory is too small for what the step makes, so tensors are streamed out
/// and in again. A load that does not wait for the store of what it reads meets it in flight, or reads what was there
/// before.
TEST_F(Faults, ATokenDroppedThroughDeviceMemoryIsSeen) {
  device_ = test::make("tiny", {"vmem.size=4 KiB"});
  job_ = test::load("dense-relu", {"steps=2"});
  const Outcome good = run(job_);
  ASSERT_EQ(good.fault, "");
  Dropped dropped(*device_, job_);
  const Parameters& p = dropped.parameters();
  int seen = 0, hazards = 0;
  for (std::size_t i = 0; i < dropped.code().size(); ++i) {
    const Instruction& instruction = dropped.code()[i];
    if (instruction.unit != p.load_unit()) continue;
    for (std::size_t w = 0; w < instruction.waits.size(); ++w) {
      if (instruction.waits[w].unit != p.store_unit() || Order::implied(dropped.code(), i, w, p.units())) continue;
      EXPECT_EQ(dropped.run(i, w, false), good);
      const Outcome bad = dropped.run(i, w, true);
      EXPECT_NE(bad, good) << "instruction " << i << ": " << to_string(instruction, p);
      ++seen;
      hazards += bad.fault.find("hazard") != std::string::npos;
    }
  }
  EXPECT_GE(seen, 4);
  testing::Test::RecordProperty("hazards", hazards);
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
  const auto whole =
      find<Transfer>(program, [&](auto& i, const Transfer& t) { return i.unit == p.store_unit() && t.bytes > 4; });
  const auto last_store = [&](auto change) {
    return [change](std::vector<Instruction>& code) { change(std::get<Transfer>(code.back().body)); };
  };
  const auto weights = find<LoadWeights>(program, [](auto&, auto&) { return true; });
  const auto multiply = find<MatrixMultiply>(program, [](auto&, auto&) { return true; });
  const auto adding = find<MatrixMultiply>(program, [](auto&, auto& m) { return m.accumulate; });
  const auto kept = find<MatrixMultiply>(program, [](auto&, auto& m) { return !m.swap; });
  const auto turn = find<Transpose>(program, [](auto&, auto&) { return true; });
  /// The first formula that computes the function and has so many results.
  const auto formula = [&](graph::Function function) {
    return find<Vector>(program, [function](auto&, const Vector& v) {
      return std::ranges::any_of(v.formula->terms, [&](const graph::Term& t) { return t.function == function; });
    });
  };
  const auto sum = formula(graph::Function::row_sum), difference = formula(graph::Function::subtract);
  const auto with_formula = [](auto change) {
    return [change](Instruction& i) {
      auto& v = std::get<Vector>(i.body);
      auto altered = std::make_shared<graph::Formula>(*v.formula);
      change(*altered);
      v.formula = altered;
    };
  };
  const auto first_of = [](graph::Formula& f, graph::Function function) -> graph::Term& {
    return *std::ranges::find_if(f.terms, [&](const graph::Term& t) { return t.function == function; });
  };

  const auto at = [](std::size_t i, auto change) {
    return [i, change](std::vector<Instruction>& code) { change(code[i]); };
  };
  const std::vector<std::pair<std::string, std::function<void(std::vector<Instruction>&)>>> changes = {
      {"load: address in memory", at(load, [](Instruction& i) { std::get<Transfer>(i.body).memory.base += 4; })},
      {"load: address on chip", at(load, [](Instruction& i) { std::get<Transfer>(i.body).address += 4; })},
      {"load: bytes", at(load, [](Instruction& i) { std::get<Transfer>(i.body).bytes -= 4; })},
      {"store of the loss: step", at(store, [](Instruction& i) { std::get<Transfer>(i.body).memory.stride = 0; })},
      {"store of the loss: address", at(store, [](Instruction& i) { std::get<Transfer>(i.body).memory.base += 4; })},
      {"store of a parameter: address", last_store([](Transfer& t) { t.memory.base += 256; })},
      {"store of a parameter: rows", at(whole, [](Instruction& i) { std::get<Transfer>(i.body).bytes -= 4; })},
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
      {"formula: function", at(difference, with_formula([&](graph::Formula& f) {
                                 first_of(f, graph::Function::subtract).function = graph::Function::add;
                               }))},
      {"formula: argument", at(difference, with_formula([&](graph::Formula& f) {
                                 auto& term = first_of(f, graph::Function::subtract);
                                 term.arguments[1] = term.arguments[0];
                               }))},
      {"formula: operand", at(difference, [](Instruction& i) { std::get<Vector>(i.body).operands[0].address += 4; })},
      {"formula: stride",
       at(difference, [](Instruction& i) { std::get<Vector>(i.body).operands[0].strides.back() += 4; })},
      {"formula: result",
       at(difference, [](Instruction& i) { std::get<Vector>(i.body).results[0].place.address += 4; })},
      {"formula: box", at(sum, [](Instruction& i) { std::get<Vector>(i.body).extents[0] -= 1; })},
      {"formula: mode", at(sum, [](Instruction& i) { std::get<Vector>(i.body).results[0].mode = Vector::Mode::add; })},
      {"formula: constant",
       at(find<Vector>(program,
                       [](auto&, const Vector& v) {
                         return std::ranges::any_of(v.formula->terms, [](const graph::Term& t) {
                           return t.function == graph::Function::constant;
                         });
                       }),
          with_formula([&](graph::Formula& f) { first_of(f, graph::Function::constant).value *= 2; }))},
      {"beyond the memory", at(sum, [](Instruction& i) { std::get<Vector>(i.body).results[0].place.address = 65536; })},
  };
  for (const auto& [name, change] : changes) EXPECT_NE(run_changed(change), good) << name;
}

TEST_F(Faults, EveryAlteredLoopIsSeen) {
  // So little room on chip that parts of matrices move.
  device_ = test::make("tiny", {"vmem.size=4 KiB"});
  job_ = test::load("dense-relu", {"steps=2"});
  const Outcome good = run(job_);
  const auto strided = find<Transfer>(code(), [&](auto& i, auto& t) {
    return i.unit == parameters().load_unit() && !t.loops.empty() && t.loops[0].memory > t.loops[0].chip;
  });
  const auto with = [&](auto change) {
    return run_changed([&](auto& code) { change(std::get<Transfer>(code[strided].body).loops[0]); });
  };
  EXPECT_NE(with([](Loop& loop) { loop.memory -= 4; }), good);
  EXPECT_NE(with([](Loop& loop) { loop.count -= 1; }), good);
  EXPECT_NE(with([](Loop& loop) { loop.chip += 4; }), good);
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
