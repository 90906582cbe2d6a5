#include "models/memory/link_port.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "models/kit/simulation.hpp"

namespace triad::memory {
namespace {

constexpr Time ns = 1'000'000;

/// A memory that takes 10 ns for each request, and as many more as the request's address says.
class ByAddress : public Backend {
 public:
  void submit(std::uint64_t id, const Request& request, Time arrival) override {
    const Time at = arrival + (10 + request.address) * ns;
    finished_.push_back({id, {at, at}});
  }
  void advance(Time, std::vector<Finished>& finished) override {
    finished.insert(finished.end(), finished_.begin(), finished_.end());
    finished_.clear();
  }
  Time next() const override { return finished_.empty() ? ~Time{0} : 0; }
  void finish(Time) override {}

 private:
  std::vector<Finished> finished_;
};

/// Sends its packets as fast as the link takes them, and takes a reply every `pause` cycles.
class Above : public kit::Unit {
 public:
  Above(const char* name, const kit::Clock& clock) : Unit(name, clock) {}
  Link out{2}, in{2};
  std::vector<Packet> to_send;
  Cycle pause = 1;
  std::vector<std::pair<Cycle, std::uint64_t>> seen;  ///< cycle, id
  std::string waits_for() const override { return {}; }

 private:
  void step() override {
    const Cycle now = cycle();
    if (in.front(now) != nullptr && now >= next_) {
      EXPECT_TRUE(in.front(now)->reply);
      seen.emplace_back(now, in.front(now)->id);
      in.pop(now);
      next_ = now + pause;
    }
    if (sent_ < to_send.size() && out.has_room(now)) out.push(to_send[sent_++], now);
    if (!in.empty() || sent_ < to_send.size()) wake_at(now + 1);
  }
  std::size_t sent_ = 0;
  Cycle next_ = 0;
};

struct System {
  kit::Clock clock{1'000'000'000};
  Memory memory;
  Above above;
  LinkPort port;
  explicit System(int credits)
      : memory((kit::begin_elaboration(), "memory"), parameters(credits), std::make_unique<ByAddress>()),
        above("above", clock),
        port("port", clock, memory, 0) {
    port.connect(above.out, above.in, above);
  }
  static Parameters parameters(int credits) {
    Parameters p;
    p.clock_hz = 1'000'000'000;
    p.credits = credits;
    return p;
  }
  void run() {
    above.wake_at(0);
    kit::simulate({&memory, &above, &port}, clock, {}, [] { return true; });
  }
};

Packet read(std::uint64_t id, std::uint64_t address) {
  return {id, address, 32, false, false, 0, 0, {}};
}

TEST(LinkPort, TakesARequestACycleAndAnswersAsTheMemoryIsDone) {
  System s(100);
  s.above.to_send = {read(0, 0), read(1, 20), read(2, 0), read(3, 0)};
  s.run();
  // Pushed in 0, 1, 2, 3; taken a cycle later, at the memory's next edge 2, 3, 4, 5; done at 12, 33, 14, 15; pushed a
  // cycle later and seen another one later.
  EXPECT_EQ(s.above.seen, (std::vector<std::pair<Cycle, std::uint64_t>>{{14, 0}, {16, 2}, {17, 3}, {35, 1}}));
  EXPECT_EQ(s.memory.read_bytes(), 128u);
  EXPECT_EQ(s.port.waits_for(), "");
}

TEST(LinkPort, WaitsForACredit) {
  System s(1);
  s.above.to_send = {read(0, 0), read(1, 0)};
  s.run();
  // The first is taken in 1 and done at 12; its credit can be used after that: the second is taken in 13, done at 24.
  EXPECT_EQ(s.above.seen, (std::vector<std::pair<Cycle, std::uint64_t>>{{14, 0}, {26, 1}}));
}

TEST(LinkPort, AsksForTheAddressThatItIsTold) {
  System s(1);
  s.port.set_addresses([](std::uint64_t address) { return address - 100; });
  s.above.to_send = {read(0, 105)};
  s.run();
  EXPECT_EQ(s.above.seen, (std::vector<std::pair<Cycle, std::uint64_t>>{{14 + 5, 0}}));
}

/// Replies that are not taken hold up no request.
TEST(LinkPort, TakesRequestsThoughRepliesWait) {
  System s(100);
  s.above.pause = 1000;
  std::mt19937 engine(1);
  for (std::uint64_t k = 0; k < 50; ++k) s.above.to_send.push_back(read(k, engine() % 100));
  s.run();
  ASSERT_EQ(s.above.seen.size(), 50u);
  EXPECT_EQ(s.memory.read_bytes(), 50u * 32);
  std::map<std::uint64_t, int> of_id;
  for (const auto& [cycle, id] : s.above.seen) ++of_id[id];
  EXPECT_EQ(of_id.size(), 50u);
}

}  // namespace
}  // namespace triad::memory
