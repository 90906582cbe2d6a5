#include <algorithm>

#include "support.hpp"

namespace triad::memory::tlm::test {
namespace {

using ::tlm::BEGIN_REQ;
using ::tlm::BEGIN_RESP;
using ::tlm::END_REQ;
using ::tlm::END_RESP;
using ::tlm::tlm_phase;
using ::tlm::tlm_sync_enum;

constexpr Time fs_of_ns = 1'000'000;

void expect(const Bench& bench, const std::string& name, Time first, Time last) {
  ASSERT_TRUE(bench.done.contains(name));
  EXPECT_EQ(bench.done.at(name).first, first * fs_of_ns) << name;
  EXPECT_EQ(bench.done.at(name).last, last * fs_of_ns) << name;
}

// --- b_transport ----------------------------------------------------------------------------------------------------

TEST(Blocking, ADelayThatComesBackIsTime) {
  Bench bench(Protocol::blocking);
  bench.target->blocking = [](Target& self, Payload& payload, sc_time& delay) {
    access(self.bytes, payload);
    payload.set_response_status(::tlm::TLM_OK_RESPONSE);
    delay += ns(40);
  };
  bench.accept("a", {.address = 64, .row_bytes = 64});
  bench.run();
  expect(bench, "a", 61, 61);  // 1 to the memory's next edge, 10 there, 40, 10 back
  EXPECT_EQ(bench.watch->begins, std::vector<sc_time>{ns(11)});
}

TEST(Blocking, AMemoryMayWaitItself) {
  Bench bench(Protocol::blocking);
  bench.target->blocking = [](Target&, Payload& payload, sc_time& delay) {
    sc_core::wait(ns(30));
    payload.set_response_status(::tlm::TLM_OK_RESPONSE);
    delay += ns(5);
  };
  bench.accept("a", {.address = 64, .row_bytes = 64});
  bench.run();
  expect(bench, "a", 56, 56);  // 1 + 10 + 30 + 5 + 10
}

/// Five pieces of 64 bytes, two at a time, 40 ns each: at 11, 11, 51, 51 and 91 ns.
TEST(Blocking, NoMoreAtATimeThanOutstanding) {
  Bench bench(Protocol::blocking, 2);
  bench.target->blocking = [](Target&, Payload& payload, sc_time& delay) {
    payload.set_response_status(::tlm::TLM_OK_RESPONSE);
    sc_core::wait(ns(40));
    delay = sc_core::SC_ZERO_TIME;
  };
  bench.accept("a", {.address = 0, .row_bytes = 320});
  bench.run();
  expect(bench, "a", 61, 141);  // the first is back at 51, the last at 131
  EXPECT_EQ(bench.watch->most, 2);
  EXPECT_EQ(bench.watch->begins, (std::vector<sc_time>{ns(11), ns(11), ns(51), ns(51), ns(91)}));
}

/// A delay alone, without waiting, holds a place as well.
TEST(Blocking, AnAnnotatedDelayHoldsItsPlace) {
  Bench bench(Protocol::blocking, 1);
  bench.target->blocking = [](Target&, Payload& payload, sc_time& delay) {
    payload.set_response_status(::tlm::TLM_OK_RESPONSE);
    delay += ns(40);
  };
  bench.accept("a", {.address = 0, .row_bytes = 128});
  bench.run();
  EXPECT_EQ(bench.watch->begins, (std::vector<sc_time>{ns(11), ns(51)}));
  expect(bench, "a", 61, 101);
}

TEST(Blocking, PiecesOfAnUnalignedStridedRange) {
  Bench bench(Protocol::blocking, 1);
  std::vector<std::pair<std::uint64_t, unsigned>> pieces;
  bench.target->blocking = [&](Target&, Payload& payload, sc_time&) {
    pieces.emplace_back(payload.get_address(), payload.get_data_length());
    payload.set_response_status(::tlm::TLM_OK_RESPONSE);
  };
  // Rows of 67 bytes at 61, 261, 461: each is cut at multiples of 64.
  bench.accept("a", {.address = 61, .row_bytes = 67, .rows = 3, .stride = 200});
  bench.accept("b", {.address = 1000, .row_bytes = 1, .rows = 2, .stride = -7});
  bench.accept("c", {.address = 128, .row_bytes = 32, .rows = 3, .stride = 32});  // one range in truth
  bench.accept("d", {.address = 5, .row_bytes = 0});
  bench.run();
  EXPECT_EQ(
      pieces,
      (std::vector<std::pair<std::uint64_t, unsigned>>{
          {61, 3}, {64, 64}, {261, 59}, {320, 8}, {461, 51}, {512, 16}, {1000, 1}, {993, 1}, {128, 64}, {192, 32}}));
  EXPECT_EQ(bench.done.size(), 4u);
}

TEST(Blocking, AnErrorResponseNamesTheAddress) {
  Bench bench(Protocol::blocking);
  bench.target->blocking = [](Target&, Payload& payload, sc_time&) {
    payload.set_response_status(payload.get_address() < 128 ? ::tlm::TLM_OK_RESPONSE
                                                            : ::tlm::TLM_ADDRESS_ERROR_RESPONSE);
  };
  bench.accept("a", {.address = 64, .row_bytes = 100, .write = true});
  EXPECT_EQ(bench.fault(), "memory_initiator: TLM_ADDRESS_ERROR_RESPONSE in answer to a write of 36 bytes at 0x80");
}

TEST(Blocking, AMemoryThatSaysNothingIsAnError) {
  Bench bench(Protocol::blocking);
  bench.target->blocking = [](Target&, Payload&, sc_time&) {};
  bench.accept("a", {.address = 64, .row_bytes = 4});
  EXPECT_EQ(bench.fault(), "memory_initiator: TLM_INCOMPLETE_RESPONSE in answer to a read of 4 bytes at 0x40");
}

// --- four phases ----------------------------------------------------------------------------------------------------

/// Accepts after `accept`, responds `respond` after that; every phase a call of its own.
void four_phases(Target& target, sc_time accept, sc_time respond) {
  target.forward = [=](Target& self, Payload& payload, tlm_phase& phase, sc_time& delay) {
    if (phase == BEGIN_REQ) self.later(payload, END_REQ, delay + accept);
    return ::tlm::TLM_ACCEPTED;
  };
  target.due = [=](Target& self, Payload& payload, const tlm_phase& phase) {
    if (phase == END_REQ) {
      self.backward(payload, END_REQ);
      self.later(payload, BEGIN_RESP, respond);
    } else {
      access(self.bytes, payload);
      payload.set_response_status(::tlm::TLM_OK_RESPONSE);
      self.backward(payload, BEGIN_RESP);
    }
  };
}

TEST(FourPhases, OneTransaction) {
  Bench bench(Protocol::non_blocking);
  four_phases(*bench.target, ns(3), ns(40));
  bench.accept("a", {.address = 64, .row_bytes = 64});
  bench.run();
  expect(bench, "a", 64, 64);  // 1 + 10, 3 + 40, 10
}

/// A memory that takes 25 ns to accept each request holds the next ones back, whatever may be outstanding.
TEST(FourPhases, BackPressure) {
  Bench bench(Protocol::non_blocking, 8);
  four_phases(*bench.target, ns(25), ns(100));
  bench.accept("a", {.address = 0, .row_bytes = 256});
  bench.run();
  EXPECT_EQ(bench.watch->begins, (std::vector<sc_time>{ns(11), ns(36), ns(61), ns(86)}));
  expect(bench, "a", 146, 221);  // 11 + 125 + 10; 86 + 125 + 10
}

TEST(FourPhases, NoMoreAtATimeThanOutstanding) {
  Bench bench(Protocol::non_blocking, 2);
  four_phases(*bench.target, ns(5), ns(100));
  bench.accept("a", {.address = 0, .row_bytes = 256});
  bench.run();
  EXPECT_EQ(bench.watch->most, 2);
  EXPECT_EQ(bench.watch->begins, (std::vector<sc_time>{ns(11), ns(16), ns(116), ns(121)}));
}

/// What a memory may answer in the call itself, with an annotated delay of 30 ns.
struct Early {
  const char* name;
  tlm_sync_enum back;
  tlm_phase phase;
  Time done;  ///< the first transaction, in ns
};
class EarlyAnswer : public testing::TestWithParam<Early> {};

TEST_P(EarlyAnswer, TakesEffectWhenItsDelayHasPassed) {
  const Early& early = GetParam();
  Bench bench(Protocol::non_blocking);
  bench.target->forward = [&](Target& self, Payload& payload, tlm_phase& phase, sc_time& delay) {
    if (phase == END_RESP) return ::tlm::TLM_COMPLETED;
    delay += ns(30);
    phase = early.phase;
    payload.set_response_status(::tlm::TLM_OK_RESPONSE);
    if (phase == END_REQ) self.later(payload, BEGIN_RESP, delay + ns(20));
    return early.back;
  };
  bench.target->due = [](Target& self, Payload& payload, const tlm_phase& phase) { self.backward(payload, phase); };
  bench.accept("a", {.address = 0, .row_bytes = 64});
  bench.accept("b", {.address = 64, .row_bytes = 64});
  bench.run();
  expect(bench, "a", early.done, early.done);
  EXPECT_EQ(bench.watch->begins, (std::vector<sc_time>{ns(11), ns(41)}));
  EXPECT_EQ(bench.done.size(), 2u);
}

INSTANTIATE_TEST_SUITE_P(FourPhases, EarlyAnswer,
                         testing::Values(Early{"completed", ::tlm::TLM_COMPLETED, BEGIN_REQ, 51},
                                         Early{"responds", ::tlm::TLM_UPDATED, BEGIN_RESP, 51},
                                         Early{"accepts", ::tlm::TLM_UPDATED, END_REQ, 71}),
                         [](const auto& info) { return std::string(info.param.name); });

/// BEGIN_RESP without END_REQ implies it; with a delay it takes effect later, and so does what it implies.
TEST(FourPhases, AResponseImpliesTheEndOfTheRequest) {
  Bench bench(Protocol::non_blocking, 8);
  bench.target->forward = [](Target& self, Payload& payload, tlm_phase& phase, sc_time& delay) {
    if (phase == BEGIN_REQ) self.later(payload, BEGIN_RESP, delay + ns(40));
    return ::tlm::TLM_ACCEPTED;
  };
  bench.target->due = [](Target& self, Payload& payload, const tlm_phase& phase) {
    payload.set_response_status(::tlm::TLM_OK_RESPONSE);
    self.backward(payload, phase, ns(7));
  };
  bench.accept("a", {.address = 0, .row_bytes = 128});
  bench.run();
  EXPECT_EQ(bench.watch->begins, (std::vector<sc_time>{ns(11), ns(58)}));
  expect(bench, "a", 68, 115);
}

TEST(FourPhases, PhasesThatAreNoneOfTheBaseProtocolAreIgnored) {
  static const tlm_phase progress = 77;
  Bench bench(Protocol::non_blocking);
  four_phases(*bench.target, ns(3), ns(40));
  const auto due = bench.target->due;
  bench.target->due = [due](Target& self, Payload& payload, const tlm_phase& phase) {
    self.backward(payload, progress);
    due(self, payload, phase);
  };
  bench.accept("a", {.address = 64, .row_bytes = 64});
  bench.run();
  expect(bench, "a", 64, 64);
}

/// What a memory may not do is found and named.
class Violation : public testing::Test {
 protected:
  Bench bench{Protocol::non_blocking};
  std::string fault_of(std::function<void(Target&, Payload&, const tlm_phase&)> due) {
    bench.target->forward = [](Target& self, Payload& payload, tlm_phase& phase, sc_time&) {
      if (phase == BEGIN_REQ) self.later(payload, END_REQ, ns(5));
      return ::tlm::TLM_ACCEPTED;
    };
    bench.target->due = std::move(due);
    bench.accept("a", {.address = 64, .row_bytes = 256});
    std::string fault = bench.fault();
    const std::string begin = "memory_initiator: the memory ";
    EXPECT_EQ(fault.substr(0, begin.size()), begin);
    return fault.size() < begin.size() ? fault : fault.substr(begin.size());
  }
};

TEST_F(Violation, RequestEndedTwice) {
  EXPECT_EQ(fault_of([](Target& self, Payload& payload, const tlm_phase&) {
              self.backward(payload, END_REQ);
              self.backward(payload, END_REQ);
            }),
            "says END_REQ to no request (TLM-2.0 base protocol): a read of 64 bytes at 0x40");
}

TEST_F(Violation, ResponseBegunTwice) {
  EXPECT_EQ(fault_of([](Target& self, Payload& payload, const tlm_phase&) {
              payload.set_response_status(::tlm::TLM_OK_RESPONSE);
              self.backward(payload, BEGIN_RESP, ns(1));
              self.backward(payload, BEGIN_RESP, ns(1));
            }),
            "says BEGIN_RESP twice (TLM-2.0 base protocol): a read of 64 bytes at 0x40");
}

TEST_F(Violation, TwoResponsesAtATime) {
  Payload* first = nullptr;
  EXPECT_EQ(fault_of([&](Target& self, Payload& payload, const tlm_phase&) {
              self.backward(payload, END_REQ);
              if (first == nullptr) {
                first = &payload;
                return;
              }
              self.backward(*first, BEGIN_RESP, ns(9));
              self.backward(payload, BEGIN_RESP, ns(9));
            }),
            "says BEGIN_RESP before END_RESP of the last one (TLM-2.0 base protocol): a read of 64 bytes at 0x80");
}

TEST_F(Violation, ResponseBeforeTheRequestEnds) {
  EXPECT_EQ(fault_of([](Target& self, Payload& payload, const tlm_phase&) {
              self.backward(payload, END_REQ, ns(8));
              self.backward(payload, BEGIN_RESP, ns(7));
            }),
            "responds before it has accepted (TLM-2.0 base protocol): a read of 64 bytes at 0x40");
}

TEST_F(Violation, AnInitiatorsPhase) {
  EXPECT_EQ(fault_of([](Target& self, Payload& payload, const tlm_phase&) { self.backward(payload, END_RESP); }),
            "says what only an initiator may (TLM-2.0 base protocol): a read of 64 bytes at 0x40");
}

TEST(FourPhases, AMemoryThatNeverAnswersIsADeadlock) {
  Bench bench(Protocol::non_blocking, 2);
  bench.target->forward = [](Target& self, Payload& payload, tlm_phase&, sc_time&) {
    self.later(payload, END_REQ, ns(5));
    return ::tlm::TLM_ACCEPTED;
  };
  bench.target->due = [](Target& self, Payload& payload, const tlm_phase&) { self.backward(payload, END_REQ); };
  bench.accept("a", {.address = 64, .row_bytes = 256});
  EXPECT_EQ(bench.fault(),
            "deadlock at cycle 1: nothing is pending while work is outstanding\n"
            "  memory: the TLM memory, for the read of 64 bytes at 0x40 and 1 more transactions");
}

}  // namespace
}  // namespace triad::memory::tlm::test
