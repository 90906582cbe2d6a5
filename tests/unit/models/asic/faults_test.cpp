#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <functional>

#include "support.hpp"

/// What goes wrong must be seen: every fault put into data or descriptors changes the loss or is reported as a fault of
/// the run (hazard, deadlock). Otherwise done counters and fields of descriptors would be decoration.
namespace triad::asic {
namespace {

using isa::Descriptor;
using isa::Engine;
using isa::Field;

struct Outcome {
  std::vector<double> loss;
  std::string fault;  ///< or empty
  bool operator==(const Outcome&) const = default;
};

/// The linear workload on the tiny machine, three steps.
class Faults : public testing::Test {
 protected:
  std::unique_ptr<device::Device> device_ = test::make("tiny");
  device::Job job_ = test::load("linear", {"steps=3"});

  Outcome run(const device::Program& program, const device::RunOptions& options = {.check = true}) const {
    try {
      return {test::run(*device_, program, job_, options).loss, ""};
    } catch (const device::Fault& fault) {
      return {{}, fault.what()};
    }
  }
  Outcome run_changed(const std::function<void(std::vector<Descriptor>&)>& change,
                      const device::RunOptions& options = {.check = true}) const {
    const auto program = device_->lower(job_);
    change(dynamic_cast<Program&>(*program).stream);
    return run(*program, options);
  }
  std::vector<Descriptor> stream() const { return dynamic_cast<Program&>(*device_->lower(job_)).stream; }
  std::size_t find(const std::function<bool(const Descriptor&)>& is) const {
    const auto layers = stream();
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (is(layers[i])) return i;
    }
    ADD_FAILURE() << "the stream has no such layer";
    return 0;
  }
};

TEST_F(Faults, EveryFlippedBitOfAWeightChangesTheLoss) {
  const Outcome good = run(*device_->lower(job_));
  ASSERT_EQ(good.fault, "");
  for (auto& [id, tensor] : job_.initial) {
    for (std::size_t element = 0; element < tensor.bytes.size() / 4; ++element) {
      // Little endian: byte 2 holds mantissa bits 16 to 22, byte 3 sign and exponent.
      for (const auto& [byte, mask] : {std::pair{2, 0x40}, std::pair{3, 0x80}}) {
        std::byte& at = tensor.bytes[4 * element + static_cast<std::size_t>(byte)];
        at ^= static_cast<std::byte>(mask);
        const Outcome bad = run(*device_->lower(job_));
        at ^= static_cast<std::byte>(mask);
        EXPECT_NE(bad, good) << job_.graph.tensor(id).name << "[" << element << "] byte " << byte;
      }
    }
  }
}

/// What is certain to be done when a layer begins, in the first step, from what it waits for and what those waited for.
class Order {
 public:
  using Counts = std::array<std::int64_t, isa::engine_count>;
  /// Is the wait of layer `i` for engine `e` certain without itself?
  static bool implied(const std::vector<Descriptor>& layers, std::size_t i, std::size_t e) {
    Order order;
    for (std::size_t l = 0; l < i; ++l) order.add(layers[l], order.begins(layers[l]));
    Descriptor without = layers[i];
    const Field wait = Descriptor::wait_field(static_cast<Engine>(e));
    without.set(wait, 0);
    return order.begins(without)[e] >= layers[i].get(wait);
  }

 private:
  struct Done {
    std::vector<Counts> begun, ended;  ///< of each layer of an engine: what was certain then
  };
  static void raise(Counts& to, const Counts& by) {
    for (std::size_t e = 0; e < to.size(); ++e) to[e] = std::max(to[e], by[e]);
  }
  Counts begins(const Descriptor& layer) const {
    const Done& own = done_[static_cast<std::size_t>(layer.engine())];
    Counts known{};
    if (!own.begun.empty()) raise(known, own.begun.back());  // an engine begins its layers in order
    for (std::size_t e = 0; e < known.size(); ++e) {
      const std::int64_t count = layer.wait(static_cast<Engine>(e));
      if (count > 0) raise(known, done_[e].ended.at(static_cast<std::size_t>(count - 1)));
    }
    // The product that it takes is the last one.
    if (layer.flag(Field::flying)) raise(known, done_[0].ended.back());
    return known;
  }
  void add(const Descriptor& layer, const Counts& known) {
    const auto e = static_cast<std::size_t>(layer.engine());
    Counts ended = known;
    if (!done_[e].ended.empty()) raise(ended, done_[e].ended.back());
    ended[e] = static_cast<std::int64_t>(done_[e].ended.size()) + 1;
    done_[e].begun.push_back(known);
    done_[e].ended.push_back(ended);
  }
  std::array<Done, isa::engine_count> done_;
};

/// A dependency within the step that is dropped is seen on one of these machines, in which one engine or another is
/// slow, unless the others imply it.
TEST_F(Faults, EveryDroppedDependencyIsSeen) {
  const std::vector<test::Settings> machines = {{},
                                                {"memory.latency=20 us"},
                                                {"memory.bandwidth=20 MB/s"},
                                                {"gemm.mac_cycles=1000"},
                                                {"pointwise.latency=1000"},
                                                {"update.latency=1000"},
                                                {"command.done_cycles=500"}};
  const std::vector<Descriptor> layers = stream();
  std::vector<Outcome> good;
  for (const test::Settings& settings : machines) {
    device_ = test::make("tiny", settings);
    good.push_back(run(*device_->lower(job_)));
    ASSERT_EQ(good.back().fault, "");
    EXPECT_EQ(good.back().loss, good.front().loss) << "a value depends on timing";
  }
  int implied = 0, seen_count = 0;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    for (std::size_t e = 0; e < isa::engine_count; ++e) {
      const Field wait = Descriptor::wait_field(static_cast<Engine>(e));
      if (layers[i].get(wait) <= 0) continue;
      if (Order::implied(layers, i, e)) {
        ++implied;
        continue;
      }
      bool seen = false;
      for (std::size_t m = 0; m < machines.size() && !seen; ++m) {
        device_ = test::make("tiny", machines[m]);
        seen = run_changed([&](auto& stream) { stream[i].set(wait, -1000); }) != good[m];
      }
      seen_count += seen;
      EXPECT_TRUE(seen) << "layer " << i << " without its wait for " << isa::to_string(static_cast<Engine>(e)) << ": "
                        << disassemble(layers[i]);
    }
  }
  EXPECT_GT(seen_count, 3);
  testing::Test::RecordProperty("dropped", fmt::format("{} seen, {} implied by others", seen_count, implied));
}

TEST_F(Faults, AlteredFieldsAreSeen) {
  const Outcome good = run(*device_->lower(job_));
  const auto gemm = find([](const Descriptor& d) { return d.engine() == Engine::gemm; });
  const auto turned = find([](const Descriptor& d) { return d.flag(Field::a_transposed); });
  const auto flying = find([](const Descriptor& d) { return d.flag(Field::flying); });
  const auto mse =
      find([](const Descriptor& d) { return d.engine() == Engine::pointwise && d.function() == isa::Function::mse; });
  const auto gradient = find(
      [](const Descriptor& d) { return d.engine() == Engine::pointwise && d.function() == isa::Function::mse_grad; });
  const auto update = find([](const Descriptor& d) { return d.engine() == Engine::update; });
  struct Change {
    std::size_t layer;
    Field field;
    std::int64_t by;
  };
  for (const Change& c : std::vector<Change>{{gemm, Field::rows, -1},
                                             {gemm, Field::rows, 1},
                                             {gemm, Field::columns, 1},
                                             {gemm, Field::depth, -1},
                                             {gemm, Field::depth, 1000},
                                             {gemm, Field::parts, -2},
                                             {gemm, Field::a_base, 4},
                                             {gemm, Field::b_base, 4},
                                             {gemm, Field::a_pitch, 4},
                                             {gemm, Field::a_pitch, -4},
                                             {gemm, Field::a_bank, 100},
                                             {gemm, Field::a_banks, -1},
                                             {gemm, Field::clear, -1},
                                             {gemm, Field::deliver, -1},
                                             {gemm, Field::a_reuse, 1},
                                             {gemm, Field::b_reuse, 1},
                                             {turned, Field::a_transposed, -1},
                                             {turned, Field::b_transposed, -1},
                                             {turned, Field::depth, -1},
                                             {turned, Field::b_base, 40},
                                             {flying, Field::rows, -1},
                                             {flying, Field::out_base, 4},
                                             {flying, Field::b_base, 4},
                                             {flying, Field::function, 1},
                                             {flying, Field::relu, 1},
                                             {flying, Field::operand, -3},
                                             {mse, Field::out_base, 4},
                                             {mse, Field::out_step, -4},
                                             {mse, Field::immediate, 1 << 20},
                                             {mse, Field::columns, -1},
                                             {gradient, Field::immediate, 1 << 20},
                                             {gradient, Field::b_base, 4},
                                             {gradient, Field::storage_out, 1},
                                             {update, Field::immediate, 1 << 20},
                                             {update, Field::columns, -1},
                                             {update, Field::b_base, 4}}) {
    if (stream()[c.layer].get(c.field) + c.by < 0) continue;
    const Outcome bad =
        run_changed([&](auto& stream) { stream[c.layer].set(c.field, stream[c.layer].get(c.field) + c.by); });
    EXPECT_NE(bad, good) << "layer " << c.layer << " field " << static_cast<int>(c.field) << " by " << c.by << ": "
                         << disassemble(stream()[c.layer]);
  }
}

/// Sizes and addresses that no memory has end the run, not the simulator.
TEST_F(Faults, FieldsBeyondTheMachineAreFaults) {
  const auto layers = stream();
  for (std::size_t i = 0; i < layers.size(); ++i) {
    for (const Field field :
         {Field::rows, Field::columns, Field::depth, Field::a_base, Field::b_base, Field::out_base}) {
      const bool address = field == Field::a_base || field == Field::b_base || field == Field::out_base;
      if (layers[i].get(field) == 0) continue;
      if (field == Field::b_base && layers[i].flag(Field::b_reuse)) continue;      // loads nothing
      if (layers[i].engine() == Engine::update && field == Field::rows) continue;  // one row, whatever it says
      const Outcome bad = run_changed([&](auto& stream) { stream[i].set(field, address ? 0xffffffff00 : 0xffffffff); });
      EXPECT_NE(bad.fault, "") << "layer " << i << " field " << static_cast<int>(field) << ": "
                               << disassemble(layers[i]);
      EXPECT_EQ(bad.fault.find("signal"), std::string::npos) << bad.fault;
    }
  }
}

TEST_F(Faults, AnOperandThatIsNotThereIsAHazard) {
  const auto gemm = find([](const Descriptor& d) { return d.engine() == Engine::gemm; });
  const Outcome bad = run_changed([&](auto& stream) { stream[gemm].set(Field::b_reuse, 1); });
  EXPECT_NE(bad.fault.find("hazard at cycle"), std::string::npos) << bad.fault;
  EXPECT_NE(bad.fault.find("(weights of layer 0, step 0), which holds no valid data"), std::string::npos) << bad.fault;
}

/// Both operands in the same banks: the second loader waits for a release that only the layer itself could give.
TEST_F(Faults, ADeadlockSaysWhoWaitsForWhom) {
  const auto gemm = find([](const Descriptor& d) { return d.engine() == Engine::gemm; });
  const Outcome banks =
      run_changed([&](auto& stream) { stream[gemm].set(Field::b_bank, stream[gemm].get(Field::a_bank)); });
  EXPECT_NE(banks.fault.find("deadlock at cycle"), std::string::npos) << banks.fault;
  EXPECT_NE(banks.fault.find("loader_weights: layer 0 waits for banks"), std::string::npos) << banks.fault;
  EXPECT_NE(banks.fault.find("mac: weights of layer 0 (step 0)"), std::string::npos) << banks.fault;

  const auto flying = find([](const Descriptor& d) { return d.flag(Field::flying); });
  const Outcome done = run_changed([&](auto& stream) { stream[flying].set(Field::wait_update, 1); });
  EXPECT_NE(done.fault.find("pointwise: layer 0 (step 0) waits for update: 0 of 1 layers done"), std::string::npos)
      << done.fault;
  // No lack of cycles.
  const Outcome bounded = run_changed([&](auto& stream) { stream[flying].set(Field::wait_update, 1); },
                                      {.check = true, .max_cycles = 10'000'000});
  EXPECT_NE(bounded.fault.find("deadlock at cycle"), std::string::npos) << bounded.fault;
}

TEST_F(Faults, MaxCyclesBoundsARunAndChangesNothingElse) {
  const auto program = device_->lower(job_);
  const device::RunResult whole = test::run(*device_, *program, job_);
  const Outcome cut = run(*program, {.check = true, .max_cycles = whole.cycles / 2});
  EXPECT_EQ(cut.fault,
            fmt::format("linear: stopped after {} cycles (--max-cycles) with work outstanding", whole.cycles / 2));
  for (const std::uint64_t limit : {whole.cycles, 10 * whole.cycles}) {
    const device::RunResult again = test::run(*device_, *program, job_, {.check = true, .max_cycles = limit});
    EXPECT_EQ(again.cycles, whole.cycles) << "with a limit of " << limit;
    EXPECT_EQ(again.energy_joules, whole.energy_joules);
    EXPECT_EQ(again.loss, whole.loss);
  }
}

}  // namespace
}  // namespace triad::asic
