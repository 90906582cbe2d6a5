#pragma once
#include <cstdint>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "models/tpu/systolic/core.hpp"
#include "models/tpu/systolic/model_core.hpp"
#include "models/tpu/systolic/twin_core.hpp"

/// What the lockstep tests share: random programs of a matrix unit's core and what a core makes of them.
namespace triad::systolic {

inline std::vector<std::uint16_t> random_numbers(std::mt19937& random, std::size_t count, bool any_bits) {
  std::vector<std::uint16_t> values(count);
  for (auto& value : values) value = static_cast<std::uint16_t>(any_bits ? random() : 0x3e00 | (random() & 0x81ff));
  return values;
}

/// Pushes in order of the cycle in which they are made.
struct Push {
  std::uint64_t cycle = 0;
  bool is_weights = false;
  WeightTile tile;
  RowBurst burst;
};

/// Tiles in order, 1 to 3 bursts each; weights run at most one tile ahead of or behind their rows, as pushed; gaps from
/// none to longer than the pipe.
inline std::vector<Push> random_program(std::uint32_t seed, int rows, int columns, int tiles) {
  std::mt19937 random(seed);
  std::vector<Push> program;
  std::uint64_t cycle = random() % 4;
  const bool any_bits = random() % 4 == 0;
  auto add_weights = [&] {
    if (random() % 3 == 0) cycle += random() % 30;
    program.push_back({cycle, true, {cycle + random() % 6, random_numbers(random, rows * columns, any_bits)}, {}});
  };
  auto add_rows = [&] {
    const int bursts = 1 + static_cast<int>(random() % 3);
    for (int burst = 0; burst < bursts; ++burst) {
      if (random() % 3 == 0) cycle += random() % 30;
      const int count = 1 + static_cast<int>(random() % 11);
      program.push_back({cycle,
                         false,
                         {},
                         {cycle + random() % 6, count, burst == 0, random_numbers(random, count * rows, any_bits)}});
    }
  };
  bool weights_ahead = false;
  for (int tile = 0; tile < tiles; ++tile) {
    if (!weights_ahead) add_weights();
    weights_ahead = tile + 1 < tiles && random() % 2 == 0;
    if (weights_ahead) add_weights();
    add_rows();
  }
  return program;
}

/// Everything a core reports of a program.
struct Report {
  std::vector<WeightsDone> weights;
  std::vector<RowsDone> rows;
};

inline void drain(MatrixCore& core, Report& report) {
  while (auto done = core.next_weights()) report.weights.push_back(*done);
  while (auto done = core.next_rows()) report.rows.push_back(std::move(*done));
}

/// Runs a program to its end, advancing as a unit would: to the next push or to the core's next news.
inline Report run(MatrixCore& core, const std::vector<Push>& program) {
  Report report;
  std::uint64_t now = 0;
  for (const Push& push : program) {
    while (core.next_cycle() < push.cycle) {
      core.advance_to(now = core.next_cycle());
      drain(core, report);
    }
    core.advance_to(now = std::max(now, push.cycle));
    drain(core, report);
    if (push.is_weights) {
      core.push_weights(push.tile);
    } else {
      core.push_rows(push.burst);
    }
  }
  while (core.next_cycle() != never) {
    core.advance_to(core.next_cycle());
    drain(core, report);
  }
  core.finish();
  return report;
}

}  // namespace triad::systolic
