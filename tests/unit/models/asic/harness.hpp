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

/// A layer of this description, number `index` of its engine.
inline Layer layer_of(const isa::Descriptor& descriptor, std::int64_t index = 0) {
  Layer layer;
  layer.descriptor = std::make_shared<isa::Descriptor>(descriptor);
  layer.index = index;
  return layer;
}

/// Vectors of channels that lie one after the other.
inline isa::Matrix dense(std::uint64_t address, std::int64_t vectors, std::int64_t channels) {
  isa::Matrix matrix;
  matrix.address = {address, 0, 1};
  matrix.v_extent = {1, 1, vectors};
  matrix.v_stride = {0, 0, channels};
  matrix.k_extent = {1, 1, channels};
  matrix.k_stride = {0, 0, 1};
  return matrix;
}

/// A product of rows x columns over `depth` bf16 channels in one tile, whose operands lie in banks 0 and 4.
inline isa::Descriptor product(std::int64_t rows, std::int64_t columns, std::int64_t depth) {
  isa::Descriptor d;
  d.engine = isa::Engine::gemm;
  isa::Gemm& g = d.gemm;
  g.rows = g.tile_rows = rows;
  g.columns = g.tile_columns = columns;
  g.depth = g.tile_depth = depth;
  g.a_bank = 0, g.b_bank = 4;
  g.a = dense(0, rows, depth);
  g.b = dense(1024, columns, depth);
  return d;
}

}  // namespace triad::asic::test
