#include "models/kit/outcome.hpp"

#include <cmath>
#include <filesystem>

#include "sim/graph/op.hpp"

namespace triad::kit {

activity::Technology load_technology(const config::Node& device) {
  const config::Node name = device.at("technology");
  const auto file = config::presets() / "technology" / (name.text() + ".yaml");
  if (!std::filesystem::exists(file)) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(config::presets() / "technology")) {
      names.push_back(entry.path().stem().string());
    }
    const std::string near = config::nearest(name.text(), names);
    name.fail("no technology of this name under configs/technology" +
              (near.empty() ? "" : "; did you mean " + near + "?"));
  }
  return activity::Technology(config::load(file));
}

std::uint64_t read_clock(const config::Node& clock) {
  const double hz = clock.quantity(config::Quantity::frequency);
  if (hz < 1e3 || hz > 1e12) clock.fail("must be from 1 kHz to 1 THz");
  return static_cast<std::uint64_t>(std::llround(hz));
}

void fill(device::RunResult& result, const activity::Recorder& recorder, const device::Job& job,
          const graph::Graph& executed) {
  result.cycles = activity::first_edge_at(recorder.length(), static_cast<std::uint64_t>(result.clock_hz));
  result.seconds = static_cast<double>(recorder.length()) * 1e-15;
  result.flops = job.graph.flops() * job.steps;
  result.energy_joules = recorder.energy_joules();
  result.average_power_watts = recorder.average_power_watts();
  result.peak_power_watts = recorder.peak_power_watts();
  result.average_lanes =
      result.cycles == 0 ? 0 : static_cast<double>(recorder.lane_cycles()) / static_cast<double>(result.cycles);
  result.bound_by = recorder.coverage().bound_by();
  const activity::Coverage& coverage = recorder.coverage();
  result.bound_cycles = {{"compute", coverage.compute},
                         {"memory", coverage.memory},
                         {"launch", coverage.launch},
                         {"latency", coverage.latency}};
  for (const activity::Recorder::Unit& unit : recorder.units()) {
    device::UnitResult out{unit.name,    static_cast<double>(unit.hz), unit.total, {},
                           unit.actions, unit.picojoules * 1e-12};
    for (std::size_t s = 0; s < activity::state_count; ++s) {
      if (unit.cycles[s] > 0) out.cycles[activity::to_string(static_cast<activity::State>(s))] = unit.cycles[s];
    }
    result.units.push_back(std::move(out));
  }
  // What is drawn whatever the units do, so that the energy of the units adds up to the run's.
  result.units.push_back({"static", result.clock_hz, result.cycles, {}, {}, recorder.static_energy_joules()});
  if (result.cycles > 0) result.units.back().cycles["idle"] = result.cycles;
  for (std::size_t i = 0; i < executed.ops.size(); ++i) {
    const activity::OpWindow& window = recorder.ops()[i];
    if (!window.seen) continue;  // moved no data: a reshape
    const graph::Op& op = executed.ops[i];
    device::OpResult out{op.name, graph::to_string(op.kind),  graph::to_string(op.phase), window.begin, window.end,
                         {},      graph::flops(executed, op), window.coverage.bound_by()};
    if (window.array_seen) out.array_cycles = window.array_end - window.array_begin;
    result.ops.push_back(std::move(out));
  }
}

}  // namespace triad::kit
