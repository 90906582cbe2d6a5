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
    without.wait[e] = 0;
    return order.begins(without)[e] >= layers[i].wait[e];
  }

 private:
  struct Done {
    std::vector<Counts> begun, ended;  ///< of each layer of an engine: what was certain then
  };
  static void raise(Counts& to, const Counts& by) {
    for (std::size_t e = 0; e < to.size(); ++e) to[e] = std::max(to[e], by[e]);
  }
  Counts begins(const Descriptor& layer) const {
    const Done& own = done_[static_cast<std::size_t>(layer.engine)];
    Counts known{};
    if (!own.begun.empty()) raise(known, own.begun.back());  // an engine begins its layers in order
    for (std::size_t e = 0; e < known.size(); ++e) {
      const std::int64_t count = layer.wait[e];
      if (count > 0) raise(known, done_[e].ended.at(static_cast<std::size_t>(count - 1)));
    }
    // The product that it takes is the last one.
    if (layer.flying) raise(known, done_[0].ended.back());
    return known;
  }
  void add(const Descriptor& layer, const Counts& known) {
    const auto e = static_cast<std::size_t>(layer.engine);
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
  job_ = test::load("lstm-sentiment-mini", {"steps=2"});
  const std::vector<test::Settings> machines = {{},
                                                {"memory.latency=20 us"},
                                                {"memory.bandwidth=20 MB/s"},
                                                {"gemm.mac_cycles=1000"},
                                                {"pointwise.latency=1000"},
                                                {"update.latency=1000"},
                                                {"command.done_cycles=500"}};
  std::vector<Descriptor> layers = stream();
  layers.resize(40);
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
      if (layers[i].wait[e] <= 0) continue;
      if (Order::implied(layers, i, e)) {
        ++implied;
        continue;
      }
      bool seen = false;
      for (std::size_t m = 0; m < machines.size() && !seen; ++m) {
        device_ = test::make("tiny", machines[m]);
        seen = run_changed([&](auto& stream) { stream[i].wait[e] = -1000; }) != good[m];
      }
      seen_count += seen;
      EXPECT_TRUE(seen) << "layer " << i << " without its wait for " << isa::to_string(static_cast<Engine>(e)) << ": "
                        << disassemble(layers[i]);
    }
  }
  EXPECT_GT(seen_count, 3);
  testing::Test::RecordProperty("dropped", fmt::format("{} seen, {} implied by others", seen_count, implied));
}

/// The first layer of an engine; of the point-wise engine the first that flies, or that does not.
std::size_t first(const std::vector<Descriptor>& layers, Engine engine, bool flying = false) {
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (layers[i].engine == engine && layers[i].flying == flying) return i;
  }
  ADD_FAILURE() << "the stream has no such layer";
  return 0;
}

TEST_F(Faults, AlteredFieldsAreSeen) {
  const Outcome good = run(*device_->lower(job_));
  const auto layers = stream();
  const std::size_t gemm = first(layers, Engine::gemm), flying = first(layers, Engine::pointwise, true),
                    formula = first(layers, Engine::pointwise), update = first(layers, Engine::update);
  std::size_t turned = 0;
  while (layers[turned].engine != Engine::gemm || layers[turned].gemm.b.v_stride[2] != 1) ++turned;
  struct Change {
    const char* what;
    std::size_t layer;
    std::function<void(Descriptor&)> make;
  };
  for (const Change& c : std::vector<Change>{
           {"rows", gemm, [](Descriptor& d) { --d.gemm.rows; }},
           {"more rows", gemm, [](Descriptor& d) { ++d.gemm.rows; }},
           {"columns", gemm, [](Descriptor& d) { ++d.gemm.columns; }},
           {"depth", gemm, [](Descriptor& d) { --d.gemm.depth; }},
           {"batches", gemm, [](Descriptor& d) { ++d.gemm.batches; }},
           {"a larger tile", gemm, [](Descriptor& d) { d.gemm.tile_depth += 1000, d.gemm.depth += 1000; }},
           {"parts", gemm, [](Descriptor& d) { d.gemm.parts = 1; }},
           {"storage", gemm, [](Descriptor& d) { d.gemm.storage = isa::Storage::bf16; }},
           {"a", gemm, [](Descriptor& d) { d.gemm.a.address.base += 4; }},
           {"b", gemm, [](Descriptor& d) { d.gemm.b.address.base += 4; }},
           {"stride of a", gemm, [](Descriptor& d) { ++d.gemm.a.v_stride[2]; }},
           {"channels of b", gemm, [](Descriptor& d) { ++d.gemm.b.k_stride[2]; }},
           {"extent", gemm, [](Descriptor& d) { ++d.gemm.a.v_extent[2]; }},
           {"bank", gemm, [](Descriptor& d) { d.gemm.a_bank += 100; }},
           {"banks", gemm, [](Descriptor& d) { d.gemm.a_banks = 0; }},
           {"tile rows", gemm, [](Descriptor& d) { d.gemm.tile_rows = 0; }},
           {"b turned as it lies", turned, [](Descriptor& d) { std::swap(d.gemm.b.v_stride, d.gemm.b.k_stride); }},
           {"rows that fly", flying, [](Descriptor& d) { --d.gemm.rows; }},
           {"where they fly to", flying, [](Descriptor& d) { d.results[0].address.base += 4; }},
           {"bias", flying, [](Descriptor& d) { d.operands[1].address.base += 4; }},
           {"bias stride", flying, [](Descriptor& d) { d.operands[1].strides.assign(d.axes.size(), 1); }},
           {"roles", flying,
            [](Descriptor& d) {
              for (auto& axis : d.axes) axis.role = isa::Role::batch;
            }},
           {"not flying", flying, [](Descriptor& d) { d.flying = false; }},
           {"result of a formula", formula, [](Descriptor& d) { d.results[0].address.base += 4; }},
           {"operand of a formula", formula, [](Descriptor& d) { d.operands[0].address.base += 4; }},
           {"its storage", formula, [](Descriptor& d) { d.operands[0].storage = isa::Storage::bf16; }},
           {"its space", formula, [](Descriptor& d) { --d.axes[0].extent; }},
           {"its term", formula, [](Descriptor& d) { d.results[0].term = 0; }},
           {"update", update, [](Descriptor& d) { --d.axes[0].extent; }},
           {"gradient", update, [](Descriptor& d) { d.operands[1].address.base += 4; }},
           {"rate", update, [](Descriptor& d) { d.operands[2].address.base += 4; }},
       }) {
    const Outcome bad = run_changed([&](auto& stream) { c.make(stream[c.layer]); });
    EXPECT_NE(bad, good) << c.what << " of layer " << c.layer << ": " << disassemble(layers[c.layer]);
  }
}

/// Every function of every microprogram, and every constant.
TEST_F(Faults, AlteredProgramsAreSeen) {
  const Outcome good = run(*device_->lower(job_));
  const auto layers = stream();
  int tried = 0;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    for (std::size_t t = 0; t < layers[i].terms.size(); ++t) {
      const graph::Function function = layers[i].terms[t].function;
      const Outcome bad = run_changed([&](auto& stream) {
        isa::Term& term = stream[i].terms[t];
        if (function == graph::Function::constant) {
          term.value ^= 0x00400000;  // the upper bit of the mantissa
        } else if (function == graph::Function::add) {
          term.function = graph::Function::multiply;
        } else if (graph::arity(function) == 2) {
          term.function = graph::Function::add;
        } else if (function == graph::Function::row_sum) {
          term.function = graph::Function::row_maximum;
        } else if (function == graph::Function::operand) {
          term.function = graph::Function::constant;
        }
      });
      ++tried;
      EXPECT_NE(bad, good) << "term " << t << " of layer " << i << ": " << disassemble(layers[i]);
    }
  }
  EXPECT_GT(tried, 15);
}

/// Sizes and addresses that no memory has end the run, not the simulator.
TEST_F(Faults, FieldsBeyondTheMachineAreFaults) {
  const auto layers = stream();
  for (std::size_t i = 0; i < layers.size(); ++i) {
    std::vector<std::function<void(Descriptor&)>> changes;
    if (layers[i].engine == Engine::gemm) {
      changes = {[](Descriptor& d) { d.gemm.rows = 0xffffffff; }, [](Descriptor& d) { d.gemm.tile_depth = 0; },
                 [](Descriptor& d) { d.gemm.a.address.base = 0xffffffff00; },
                 [](Descriptor& d) { d.gemm.b.address.base = 0xffffffff00; }};
    } else {
      changes = {[](Descriptor& d) { d.axes[0].extent = 0xffffffffff; }, [](Descriptor& d) { d.axes[0].extent = 0; },
                 [](Descriptor& d) { d.operands.back().address.base = 0xffffffff00; },
                 [](Descriptor& d) { d.results[0].address.base = 0xffffffff00; },
                 [](Descriptor& d) { d.terms.clear(); }};
    }
    for (std::size_t c = 0; c < changes.size(); ++c) {
      if (layers[i].flying && layers[i].operands.size() == 1 && c == 2) continue;  // the product has no address
      const Outcome bad = run_changed([&](auto& stream) { changes[c](stream[i]); });
      EXPECT_NE(bad.fault, "") << "layer " << i << " change " << c << ": " << disassemble(layers[i]);
      EXPECT_EQ(bad.fault.find("signal"), std::string::npos) << bad.fault;
    }
  }
}

/// Both operands in the same banks: the second loader waits for a release that only the layer itself could give.
TEST_F(Faults, ADeadlockSaysWhoWaitsForWhom) {
  const auto layers = stream();
  const std::size_t gemm = first(layers, Engine::gemm);
  const Outcome banks = run_changed([&](auto& stream) { stream[gemm].gemm.b_bank = stream[gemm].gemm.a_bank; });
  EXPECT_NE(banks.fault.find("deadlock at cycle"), std::string::npos) << banks.fault;
  EXPECT_NE(banks.fault.find("loader_weights: layer 0 waits for banks"), std::string::npos) << banks.fault;
  EXPECT_NE(banks.fault.find("mac: weights of layer 0 (step 0)"), std::string::npos) << banks.fault;

  const std::size_t flying = first(layers, Engine::pointwise, true);
  const auto wait = [&](auto& stream) { stream[flying].wait[static_cast<std::size_t>(Engine::update)] = 1; };
  const Outcome done = run_changed(wait);
  EXPECT_NE(done.fault.find("pointwise: layer 0 (step 0) waits for update: 0 of 1 layers done"), std::string::npos)
      << done.fault;
  // No lack of cycles.
  const Outcome bounded = run_changed(wait, {.check = true, .max_cycles = 10'000'000});
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
