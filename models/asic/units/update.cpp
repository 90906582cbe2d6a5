#include <algorithm>

#include "models/asic/units/functions.hpp"
#include "models/asic/units/pointwise.hpp"
#include "models/asic/units/words.hpp"

namespace triad::asic {

using activity::State;
using isa::Field;

std::vector<Chunk> cut(std::int64_t rows, std::int64_t columns, std::int64_t elements) {
  std::vector<Chunk> chunks;
  if (columns >= elements) {
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t column = 0; column < columns; column += elements) {
        chunks.push_back({row, 1, column, std::min(elements, columns - column), 1, 0, 0});
      }
    }
    return chunks;
  }
  for (std::int64_t row = 0, group = elements / columns; row < rows; row += group) {
    chunks.push_back({row, std::min(group, rows - row), 0, columns, 1, 0, 0});
  }
  return chunks;
}

Update::Update(const sc_core::sc_module_name& name, kit::Clock clock, const Parameters& parameters,
               Scoreboard& scoreboard, MemoryInterface& memory, activity::Recorder& recorder,
               const activity::Technology& technology)
    : StreamEngine(name, clock, isa::Engine::update, parameters, parameters.update.pipeline_cycles, scoreboard, memory),
      track_(recorder, "update", clock, activity::Resource::compute),
      add_action_(track_.add_action("add_fp32", technology.picojoules("add_fp32"))),
      multiply_action_(track_.add_action("multiply_fp32", technology.picojoules("multiply_fp32"))),
      stream_action_(track_.add_action(
          "stream_bytes", technology.sram_picojoules_per_byte(static_cast<double>(parameters.update.stream_bytes)))) {}

Plan Update::plan(const Layer& layer) {
  check_size(layer);
  Plan plan;
  plan.window = std::max<std::size_t>(1, parameters_.update.stream_bytes / parameters_.burst_bytes);
  plan.operands = {{layer.a.address, 0, 4}, {layer.b.address, 0, 4}};
  plan.results = {{layer.a.address, 0, 4}};
  if (layer.descriptor.operand() == isa::Operand::elements) {
    plan.operands.push_back({layer.c.address, 0, 4});
    plan.results.push_back({layer.c.address, 0, 4});
  }
  plan.chunks = cut(1, layer.get(Field::columns), static_cast<std::int64_t>(parameters_.burst_bytes / 4));
  for (Chunk& chunk : plan.chunks) {
    chunk.cycles = static_cast<Cycle>((chunk.columns + parameters_.update.lanes - 1) / parameters_.update.lanes);
  }
  return plan;
}

std::vector<Bytes> Update::compute(const Layer& layer, const Chunk&, const std::vector<Bytes>& operands) {
  const isa::Descriptor& d = layer.descriptor;
  const bool has_velocity = d.operand() == isa::Operand::elements;
  std::vector<float> parameters = words_of(operands[0], isa::Storage::fp32);
  const std::vector<float> gradients = words_of(operands[1], isa::Storage::fp32);
  std::vector<float> velocities(parameters.size());
  if (has_velocity) velocities = words_of(operands[2], isa::Storage::fp32);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Updated next = sgd_step(parameters[i], gradients[i], velocities[i], d.immediate(),
                                  d.immediate(Field::immediate2), has_velocity);
    parameters[i] = next.parameter;
    velocities[i] = next.velocity;
  }
  std::vector<Bytes> results = {bytes_of(parameters, isa::Storage::fp32)};
  if (has_velocity) results.push_back(bytes_of(velocities, isa::Storage::fp32));
  return results;
}

void Update::record(const Layer& layer, const Chunk& chunk, Cycle waited, Cycle begin, Cycle end) {
  track_.state(State::memory, {}, waited, begin);
  track_.state(State::busy, layer.tag(), begin, end);
  const auto n = static_cast<std::uint64_t>(chunk.elements());
  const std::uint64_t operations = layer.descriptor.operand() == isa::Operand::elements ? 2 : 1;
  track_.count(add_action_, n * operations, begin, end);
  track_.count(multiply_action_, n * operations, begin, end);
  track_.count(stream_action_, n * 4 * (operations + 1) * 2, begin, end);
  track_.work(2 * n * operations);
}

}  // namespace triad::asic
