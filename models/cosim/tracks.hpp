#pragma once
#include <cstdint>
#include <deque>
#include <vector>

/// From transfers, as a model resolves them, to the pins of every cycle.
namespace triad::cosim {

inline constexpr std::uint64_t unknown = ~std::uint64_t{0};

/// What a stream's pins show in one cycle. payload is null when there is none to compare or drive.
struct Pins {
  bool valid = false;
  bool ready = false;
  const std::uint32_t* payload = nullptr;
};

/// A stream into the core that ends in a FIFO with registered ready: ready = rows inside < depth, where a row is inside
/// from the cycle after its arrival until the cycle after it was accepted. Events are told in order, as far ahead as
/// they are known; pins() is asked for every cycle, in order, when all events before the end of that cycle are known.
class SourceTrack {
 public:
  SourceTrack(int depth, int words) : depth_(depth), current_(words) {}
  /// Valid rises; the payload holds until the row arrives. Empty: the payload is not known.
  void offered(std::uint64_t cycle, std::vector<std::uint32_t> payload);
  void arrived(std::uint64_t cycle);
  void accepted(std::uint64_t cycle) { accepts_.push_back(cycle); }

  Pins pins(std::uint64_t cycle);
  /// Was a row accepted in the cycle of the last pins()?
  bool accepting() const { return accepting_; }
  bool empty() const { return rows_.empty() && accepts_.empty() && inside_ == 0; }

 private:
  struct Row {
    std::uint64_t offer, arrive;
    std::vector<std::uint32_t> payload;
  };
  int depth_;
  std::deque<Row> rows_;  // offered, not yet arrived
  std::size_t arrivals_known_ = 0;
  std::deque<std::uint64_t> accepts_;
  int inside_ = 0;
  bool accepting_ = false;
  std::vector<std::uint32_t> current_;
};

/// A stream out of the core: a row is valid from the cycle in which it was produced, or after the one before was taken.
class SinkTrack {
 public:
  explicit SinkTrack(int words) : current_(words) {}
  void produced(std::uint64_t cycle, std::vector<std::uint32_t> payload) {
    rows_.push_back({cycle, unknown, std::move(payload)});
  }
  void taken(std::uint64_t cycle);
  Pins pins(std::uint64_t cycle, bool ready);
  bool empty() const { return rows_.empty(); }

 private:
  struct Row {
    std::uint64_t out, take;
    std::vector<std::uint32_t> payload;
  };
  std::deque<Row> rows_;
  std::size_t takes_known_ = 0;
  std::vector<std::uint32_t> current_;
};

}  // namespace triad::cosim
