#include <benchmark/benchmark.h>

#include <random>

#include "models/kit/simulation.hpp"
#include "models/memory/crossbar/crossbar.hpp"
#include "sim/config/node.hpp"

/// What a crossbar costs the host, in packets per second: its inside alone, with inputs that always have a packet or
/// seldom one, and the whole unit between links, with their units, under SystemC.
namespace triad::memory::crossbar {
namespace {

Parameters parameters(int inputs, int outputs) {
  Parameters p;
  p.inputs = inputs;
  p.outputs = outputs;
  p.latency_cycles = 10;
  p.output_packets = 16;
  return p;
}

Packet packet(std::mt19937& engine, int outputs) {
  const bool write = engine() % 4 == 0;
  return {0, 0, 128, write, false, 0, static_cast<int>(engine() % static_cast<unsigned>(outputs)), {}};
}

/// `range(2)`: every input offers a packet every so many cycles (0: always).
void inside(benchmark::State& state) {
  const Parameters p = parameters(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)));
  const auto pause = static_cast<Cycle>(state.range(2));
  Switch inside(p);
  std::mt19937 engine(1);
  std::vector<Packet> offered;
  std::vector<Cycle> from(static_cast<std::size_t>(p.inputs));
  for (int i = 0; i < p.inputs; ++i) {
    offered.push_back(packet(engine, p.outputs));
    from[static_cast<std::size_t>(i)] = pause == 0 ? 0 : engine() % pause;
  }
  Cycle now = 0;
  for (auto _ : state) {
    inside.arbitrate(now);
    inside.deliver(now, [](int, const Packet&) { return true; });
    Cycle next = ~Cycle{0};
    for (std::size_t i = 0; i < offered.size(); ++i) {
      if (from[i] <= now) {
        const Cycle can = inside.takes(static_cast<int>(i), offered[i], now);
        if (can <= now) {
          inside.take(static_cast<int>(i), offered[i], now);
          offered[i] = packet(engine, p.outputs);
          from[i] = now + std::max<Cycle>(1, pause);
        } else {
          next = std::min(next, can);
          continue;
        }
      }
      next = std::min(next, from[i]);
    }
    now = std::min(next, inside.next(now));
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(inside.statistics().packets));
  state.counters["cycles"] = static_cast<double>(now);
}
BENCHMARK(inside)->Args({8, 8, 0})->Args({8, 8, 40})->Args({80, 64, 0})->Args({80, 64, 1000});

/// Sends packets to all outputs of a crossbar, one every `pause` cycles, and takes what comes.
class End : public kit::Unit {
 public:
  End(const sc_core::sc_module_name& name, const kit::Clock& clock, int number, int outputs, Cycle pause, int packets)
      : Unit(name, clock),
        out(8),
        in(8),
        engine_(static_cast<unsigned>(number)),
        outputs_(outputs),
        pause_(pause),
        left_(packets) {
    wake_at(engine_() % pause);
  }
  Link out, in;
  std::string waits_for() const override { return {}; }

 private:
  void step() override {
    const Cycle now = cycle();
    if (in.front(now) != nullptr) in.pop(now);
    if (!in.empty()) wake_at(now + 1);
    if (left_ == 0 || now < next_ || !out.has_room(now)) return;
    out.push(packet(engine_, outputs_), now);
    --left_;
    next_ = now + pause_;
    wake_at(next_);
  }
  std::mt19937 engine_;
  int outputs_;
  Cycle pause_, next_ = 0;
  int left_;
};

/// One iteration, as SystemC allows one elaboration per process.
void unit(benchmark::State& state) {
  kit::begin_elaboration();
  constexpr int ports = 64, packets = 5000;
  const kit::Clock clock(1'000'000'000);
  activity::Recorder recorder(clock.hz(), 0);
  const activity::Technology technology(config::load(config::presets() / "technology" / "7nm.yaml"));
  Crossbar crossbar("crossbar", clock, parameters(ports, ports), recorder, technology);
  std::vector<std::unique_ptr<End>> ends;
  for (int e = 0; e < ports; ++e) {
    ends.push_back(std::make_unique<End>(("end" + std::to_string(e)).c_str(), clock, e, ports, 4, packets));
    crossbar.connect_input(e, ends.back()->out, *ends.back());
    crossbar.connect_output(e, ends.back()->in, *ends.back());
  }
  for (auto _ : state) kit::simulate({&crossbar}, clock, {}, [] { return true; });
  state.SetItemsProcessed(static_cast<std::int64_t>(crossbar.statistics().packets));
  state.counters["activations_per_packet"] =
      static_cast<double>(kit::Unit::activations()) / static_cast<double>(crossbar.statistics().packets);
}
BENCHMARK(unit)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace triad::memory::crossbar
