#include "models/asic/compiler/dependencies.hpp"

#include <algorithm>
#include <map>

namespace triad::asic {

namespace {

using Counts = std::array<std::int64_t, isa::engine_count>;  ///< layers of each engine that must be done

/// Who touched a tensor last: counts up to the last layer of an op that wrote or read it.
struct History {
  int writer = -1;  ///< op that wrote last
  Counts written{}, read{};
};

void take(Counts& counts, const Counts& other) {
  for (std::size_t e = 0; e < counts.size(); ++e) counts[e] = std::max(counts[e], other[e]);
}

}  // namespace

void resolve_dependencies(Program& program, const std::vector<Accesses>& accesses) {
  std::map<graph::TensorId, History> histories;
  Counts done{};
  program.layers = {};
  for (const isa::Descriptor& layer : program.stream) ++program.layers[static_cast<std::size_t>(layer.engine())];
  // The second round sees the state that a step leaves behind; from then on every step is like it.
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < program.stream.size(); ++i) {
      const Accesses& access = accesses[i];
      const int op = 2 * access.op + round;
      Counts needs{};
      for (const graph::TensorId tensor : access.reads) take(needs, histories[tensor].written);
      for (const graph::TensorId tensor : access.writes) {
        const History& history = histories[tensor];
        take(needs, history.read);
        if (history.writer != op) take(needs, history.written);
      }
      const auto engine = static_cast<std::size_t>(program.stream[i].engine());
      const std::int64_t own = ++done[engine];
      for (const graph::TensorId tensor : access.reads) {
        std::int64_t& last = histories[tensor].read[engine];
        last = std::max(last, own);
      }
      for (const graph::TensorId tensor : access.writes) {
        History& history = histories[tensor];
        if (history.writer != op) {
          history.writer = op;
          history.read = {};
        }
        history.written[engine] = own;
      }
      for (std::size_t e = 0; e < needs.size(); ++e) {
        program.stream[i].set(isa::Descriptor::wait_field(static_cast<isa::Engine>(e)),
                              needs[e] - round * program.layers[e]);
      }
    }
  }
}

}  // namespace triad::asic
