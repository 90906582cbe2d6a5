#pragma once
#include "models/asic/machine.hpp"
#include "models/kit/outcome.hpp"
#include "models/kit/simulation.hpp"
#include "support.hpp"

/// A unit by itself, for exact timing: the tiny machine's parameters, a record, the rest scripted by the test.
namespace triad::asic::test {

struct Bench {
  explicit Bench(const Settings& settings = {})
      : node(config::load(config::presets() / "asic/tiny.yaml", settings)),
        parameters(Parameters::read(node)),
        memory_parameters(memory::Parameters::read(node.at("memory"))),
        technology(kit::load_technology(node)),
        clock((kit::begin_elaboration(), parameters.clock_hz)),
        recorder(parameters.clock_hz, 8),
        buffer(parameters) {}

  /// Runs until nothing is pending.
  void run(const std::vector<const kit::Unit*>& units) {
    kit::simulate(units, clock, {}, [] { return true; });
  }

  config::Node node;
  Parameters parameters;
  memory::Parameters memory_parameters;
  activity::Technology technology;
  kit::Clock clock;
  activity::Recorder recorder;
  Scoreboard scoreboard;
  Buffer buffer;
};

/// A product of rows x columns over `depth` bf16 channels, whose operands lie in banks 0 and 4.
inline Layer product(std::int64_t index, std::int64_t rows, std::int64_t columns, std::int64_t depth) {
  Layer layer;
  layer.index = index;
  isa::Descriptor& d = layer.descriptor;
  d.set(isa::Field::engine, static_cast<std::int64_t>(isa::Engine::gemm));
  d.set(isa::Field::storage_in, static_cast<std::int64_t>(isa::Storage::bf16));
  d.set(isa::Field::parts, 1);
  d.set(isa::Field::rows, rows);
  d.set(isa::Field::columns, columns);
  d.set(isa::Field::depth, depth);
  d.set(isa::Field::clear, 1);
  d.set(isa::Field::deliver, 1);
  d.set(isa::Field::a_bank, 0);
  d.set(isa::Field::a_banks, 1);
  d.set(isa::Field::b_bank, 4);
  d.set(isa::Field::b_banks, 1);
  return layer;
}

}  // namespace triad::asic::test
