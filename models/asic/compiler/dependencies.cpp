#include "models/asic/compiler/dependencies.hpp"

#include <algorithm>
#include <map>

namespace triad::asic {

namespace {

using Counts = std::array<std::int64_t, isa::engine_count>;  ///< layers of each engine that must be done

/// Who touched some bytes last: counts up to the last layer that wrote or read them.
struct History {
  std::int64_t writer = -1;  ///< part of an op that wrote last
  Counts written{}, read{};
};

void take(Counts& counts, const Counts& other) {
  for (std::size_t e = 0; e < counts.size(); ++e) counts[e] = std::max(counts[e], other[e]);
}

/// Memory in pieces of one history each.
class Histories {
 public:
  Histories() { pieces_[0] = {}; }
  /// Calls visit(history) for every piece of the range, cut to its ends.
  template <class Visit>
  void each(const Range& range, Visit visit) {
    cut(range.end);
    for (auto piece = cut(range.begin); piece != pieces_.end() && piece->first < range.end; ++piece) {
      visit(piece->second);
    }
  }
  /// The whole range gets one history.
  void set(const Range& range, const History& history) {
    cut(range.end);
    const auto first = cut(range.begin);
    pieces_.erase(std::next(first), pieces_.lower_bound(range.end));
    first->second = history;
  }

 private:
  using Pieces = std::map<std::uint64_t, History>;
  Pieces::iterator cut(std::uint64_t at) {
    const auto after = pieces_.upper_bound(at), piece = std::prev(after);
    return piece->first == at ? piece : pieces_.emplace_hint(after, at, piece->second);
  }
  Pieces pieces_;  ///< by first byte, up to the next one's
};

}  // namespace

void resolve_dependencies(Program& program, const std::vector<Accesses>& accesses) {
  Histories histories;
  Counts done{};
  program.layers = {};
  for (const isa::Descriptor& layer : program.stream) ++program.layers[static_cast<std::size_t>(layer.engine)];
  // The second round sees the state that a step leaves behind; from then on every step is like it.
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < program.stream.size(); ++i) {
      const Accesses& access = accesses[i];
      const std::int64_t writer = (std::int64_t{access.op} * 256 + access.part) * 2 + round;
      Counts needs{};
      for (const Range& range : access.reads) {
        histories.each(range, [&](const History& history) { take(needs, history.written); });
      }
      for (const Range& range : access.writes) {
        histories.each(range, [&](const History& history) {
          take(needs, history.read);
          if (history.writer != writer) take(needs, history.written);
        });
      }
      const auto engine = static_cast<std::size_t>(program.stream[i].engine);
      const std::int64_t own = ++done[engine];
      for (const Range& range : access.reads) {
        histories.each(range, [&](History& history) { history.read[engine] = std::max(history.read[engine], own); });
      }
      for (const Range& range : access.writes) {
        History whole;
        bool shared = false;  // with other layers of the part
        histories.each(range, [&](const History& history) { shared |= history.writer == writer; });
        if (shared) {
          histories.each(range, [&](History& history) {
            if (history.writer != writer) history = {};
            history.writer = writer;
            history.written[engine] = own;
          });
        } else {
          whole.writer = writer;
          whole.written[engine] = own;
          histories.set(range, whole);
        }
      }
      for (std::size_t e = 0; e < needs.size(); ++e) {
        program.stream[i].wait[e] = needs[e] - round * program.layers[e];
      }
    }
  }
}

}  // namespace triad::asic
