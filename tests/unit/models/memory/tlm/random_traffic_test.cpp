#include <fmt/format.h>

#include <random>

#include "support.hpp"

namespace triad::memory::tlm::test {
namespace {

using ::tlm::BEGIN_REQ;
using ::tlm::BEGIN_RESP;
using ::tlm::END_REQ;
using ::tlm::END_RESP;
using ::tlm::tlm_phase;
using Engine = std::mt19937;

std::uint64_t pick(Engine& engine, std::uint64_t least, std::uint64_t most) {
  return least + engine() % (most - least + 1);
}

/// Answers in every way that the protocol allows, after random times, in any order; takes data in order of requests.
class Moody {
 public:
  Moody(Target& target, unsigned seed) : target_(target), engine_(seed) {
    target.forward = [this](Target&, Payload& payload, tlm_phase& phase, sc_time& delay) {
      return forward(payload, phase, delay);
    };
    target.due = [this](Target&, Payload& payload, const tlm_phase& phase) { due(payload, phase); };
    target.blocking = [this](Target& self, Payload& payload, sc_time& delay) {
      access(self.bytes, payload);
      payload.set_response_status(::tlm::TLM_OK_RESPONSE);
      if (engine_() % 2 == 0) sc_core::wait(time());
      delay += time();
    };
  }
  int ways[5] = {};

 private:
  sc_time time() { return sc_time(static_cast<double>(pick(engine_, 0, 60'000)), sc_core::SC_PS); }

  ::tlm::tlm_sync_enum forward(Payload& payload, tlm_phase& phase, sc_time& delay) {
    if (phase == END_RESP) {
      responding_ = false;
      payload.release();
      respond();
      return engine_() % 2 == 0 ? ::tlm::TLM_ACCEPTED : ::tlm::TLM_COMPLETED;
    }
    access(target_.bytes, payload);
    payload.set_response_status(::tlm::TLM_OK_RESPONSE);
    const auto way = pick(engine_, 0, 4);
    ++ways[way];
    if (way == 0) {  // at once
      delay += time();
      return ::tlm::TLM_COMPLETED;
    }
    payload.acquire();
    if (way == 1 && !responding_) {  // the response in the call
      responding_ = true;
      phase = BEGIN_RESP;
      delay += time();
      return ::tlm::TLM_UPDATED;
    }
    if (way == 2) {  // accepted in the call
      phase = END_REQ;
      delay += time();
      target_.later(payload, BEGIN_RESP, delay + time());
      return ::tlm::TLM_UPDATED;
    }
    target_.later(payload, way == 3 ? BEGIN_RESP : END_REQ, delay + time());  // 3: without an END_REQ
    return ::tlm::TLM_ACCEPTED;
  }

  void due(Payload& payload, const tlm_phase& phase) {
    if (phase == END_REQ) {
      const sc_time annotated = engine_() % 2 == 0 ? time() : sc_core::SC_ZERO_TIME;
      target_.backward(payload, END_REQ, annotated);
      return target_.later(payload, BEGIN_RESP, annotated + time());
    }
    ready_.push_back(&payload);
    respond();
  }
  void respond() {
    if (responding_ || ready_.empty()) return;
    Payload& payload = *ready_.front();
    ready_.pop_front();
    responding_ = true;
    target_.backward(payload, BEGIN_RESP, engine_() % 2 == 0 ? time() : sc_core::SC_ZERO_TIME);
  }

  Target& target_;
  Engine engine_;
  std::deque<Payload*> ready_;
  bool responding_ = false;
};

/// Offers random requests: odd sizes, any alignment, strides of both signs, several at a time, none that touches the
/// bytes of another one under way. Moves contents when a request is done, as every requester does.
class Traffic : public kit::Unit {
 public:
  Traffic(Memory& memory, unsigned seed, int requests)
      : Unit("traffic", kit::Clock(700'000'000)), memory_(memory), engine_(seed), left_(requests) {
    wake_at(0);
  }
  std::string waits_for() const override { return done ? "" : "its requests"; }
  bool done = false;
  std::vector<Completion> completions;

 private:
  static constexpr std::uint64_t region_bytes = 16384;
  static constexpr std::size_t regions = 24;
  struct Region {
    bool used = false;
    Request request;
    std::vector<std::byte> data;
  };

  void step() override {
    if (left_ > 0) {
      const std::size_t r = pick(engine_, 0, regions - 1);
      if (!regions_[r].used) offer(r);
      wake_at(cycle() + pick(engine_, 1, 20));
    } else if (under_way_ == 0) {
      done = true;
    }
  }
  void offer(std::size_t r) {
    Region& region = regions_[r];
    Request request;
    request.row_bytes = engine_() % 8 == 0 ? pick(engine_, 1, 4099) : pick(engine_, 1, 131);
    request.rows = request.row_bytes > 1000 ? 1 : pick(engine_, 1, 7);
    request.stride = static_cast<std::int64_t>(request.row_bytes + pick(engine_, 0, 97));
    request.address = r * region_bytes + pick(engine_, 0, 5000);
    if (engine_() % 3 == 0) {
      request.address += static_cast<std::uint64_t>(request.stride) * (request.rows - 1);
      request.stride = -request.stride;
    }
    request.write = engine_() % 2 == 0;
    region.data.resize(request.bytes());
    for (std::byte& byte : region.data) byte = static_cast<std::byte>(engine_());
    if (request.write) request.data = region.data.data();
    region.request = request;
    region.used = true;
    const Time accepted = kit::now();
    ASSERT_TRUE(memory_.accept(request, [this, r, accepted](const Completion& c) { complete(r, accepted, c); }));
    ++under_way_;
    --left_;
  }
  void complete(std::size_t r, Time accepted, const Completion& completion) {
    Region& region = regions_[r];
    EXPECT_LE(completion.first, completion.last);
    EXPECT_GE(completion.first, accepted + 20'000'000) << "faster than the path";
    EXPECT_EQ(completion.last, kit::now());
    completions.push_back(completion);
    for (std::uint64_t row = 0; row < region.request.rows && region.request.write; ++row) {
      memory_.contents().write(region.request.address + row * static_cast<std::uint64_t>(region.request.stride),
                               region.data.data() + row * region.request.row_bytes, region.request.row_bytes);
    }
    region.used = false;
    --under_way_;
    if (left_ == 0) wake_at(cycle() + 1);
  }

  Memory& memory_;
  Engine engine_;
  int left_, under_way_ = 0;
  Region regions_[regions];
};

class Random : public testing::TestWithParam<int> {};

/// The front, both protocols, every way of answering: every request is served once, the rules of the protocol hold (the
/// Watch), every read saw what was written (check), and at the end the memory holds what the machine does.
TEST_P(Random, TrafficKeepsProtocolAndBytes) {
  const auto seed = static_cast<unsigned>(GetParam());
  Engine engine(seed);
  const auto protocol = seed % 3 == 0 ? Protocol::blocking : Protocol::non_blocking;
  const auto outstanding = static_cast<int>(pick(engine, 1, 9));
  if (seed % 2 == 0) sc_core::sc_set_time_resolution(1, sc_core::SC_FS);
  Bench bench(protocol, outstanding, 1u << pick(engine, 0, 12));
  Moody moody(*bench.target, seed);
  std::vector<std::byte> image(200'000);
  for (std::byte& byte : image) byte = static_cast<std::byte>(engine());
  bench.memory->contents().write(77, image.data(), image.size());
  constexpr int requests = 300;
  Traffic traffic(*bench.memory, seed, requests);
  kit::simulate({&traffic, bench.memory.get()}, traffic.clock(), {}, [&] { return traffic.done; });
  bench.recorder.finish(kit::now());
  EXPECT_EQ(traffic.completions.size(), static_cast<std::size_t>(requests));
  EXPECT_TRUE(bench.watch->idle());
  EXPECT_LE(bench.watch->most, outstanding);
  if (protocol == Protocol::non_blocking) {
    for (const int way : moody.ways) EXPECT_GT(way, 10);
  }
  std::vector<std::byte> ours(1 << 20);
  bench.memory->contents().read(0, ours.data(), ours.size());
  EXPECT_EQ(std::memcmp(ours.data(), bench.target->bytes.data(), ours.size()), 0);
  bench.memory->fetch();
  // Every byte that was asked for was counted, busy time is no longer than the run.
  const auto& unit = bench.recorder.units().at(0);
  EXPECT_EQ(unit.actions.at("bytes_moved"), bench.memory->read_bytes() + bench.memory->written_bytes());
}

INSTANTIATE_TEST_SUITE_P(Seeds, Random, testing::Range(1, 31));

}  // namespace
}  // namespace triad::memory::tlm::test
