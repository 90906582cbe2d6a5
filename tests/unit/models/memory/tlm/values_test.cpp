#include "support.hpp"

namespace triad::memory::tlm::test {
namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

/// A memory that answers at once.
struct Quick : Bench {
  explicit Quick(bool data = true) : Bench(Protocol::blocking, 1, 64, data) {
    target->blocking = [](Target& self, Payload& payload, sc_time& delay) {
      access(self.bytes, payload);
      payload.set_response_status(::tlm::TLM_OK_RESPONSE);
      delay += ns(10);
    };
  }
  std::vector<std::byte> image = bytes_of({1, 2, 3, 4, 5, 6, 7, 8});
  void place(std::uint64_t address) { memory->contents().write(address, image.data(), image.size()); }
};

TEST(Values, TheImageIsThereBeforeTheFirstTransaction) {
  Quick bench;
  bench.place(70'000);
  std::vector<unsigned char> seen;
  bench.target->blocking = [&](Target& self, Payload& payload, sc_time&) {
    access(self.bytes, payload);
    seen.assign(payload.get_data_ptr(), payload.get_data_ptr() + payload.get_data_length());
    payload.set_response_status(::tlm::TLM_OK_RESPONSE);
  };
  bench.accept("a", {.address = 70'002, .row_bytes = 4});
  bench.run();
  EXPECT_EQ(seen, (std::vector<unsigned char>{3, 4, 5, 6}));
}

TEST(Values, AWriteCarriesItsBytes) {
  Quick bench;
  bench.place(0);
  const auto data = bytes_of({10, 11, 12, 13, 14, 15});
  bench.accept("a", {.address = 100, .row_bytes = 3, .rows = 2, .stride = 8, .write = true, .data = data.data()});
  bench.accept("b", {.address = 2, .row_bytes = 2, .write = true});  // no bytes of its own: those of the contents
  bench.run();
  const auto& held = bench.target->bytes;
  EXPECT_EQ(std::vector<int>(held.begin() + 100, held.begin() + 112),
            (std::vector<int>{10, 11, 12, 0, 0, 0, 0, 0, 13, 14, 15, 0}));
  EXPECT_EQ(std::vector<int>(held.begin(), held.begin() + 8), (std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8}));
}

/// A write whose bytes belong elsewhere takes its time and changes nothing; they come by poke.
TEST(Values, AnIndirectWriteChangesNothing) {
  Quick bench;
  bench.place(0);
  bench.accept("a", {.address = 0, .row_bytes = 8, .write = true, .indirect = true});
  bench.memory->contents().write(0, bytes_of({99}).data(), 1);  // what a stale snapshot would carry
  bench.run();
  ASSERT_TRUE(bench.done.contains("a"));
  EXPECT_EQ(bench.target->bytes[1], 2);
  const auto data = bytes_of({50, 51});
  bench.memory->poke(500, data.data(), 2);
  EXPECT_EQ(bench.target->bytes[501], 51);
  bench.memory->fetch();
}

TEST(Values, ResultsAreWhatTheMemoryHolds) {
  Quick bench;
  bench.place(0);
  const auto data = bytes_of({10, 11});
  bench.accept("a", {.address = 3, .row_bytes = 2, .write = true, .data = data.data()});
  bench.run();
  bench.memory->fetch();
  std::byte held[8];
  bench.memory->contents().read(0, held, 8);
  EXPECT_EQ(std::vector<std::byte>(held, held + 8), bytes_of({1, 2, 3, 10, 11, 6, 7, 8}));
  bench.target->bytes[4] = 77;
  try {
    bench.memory->fetch();
    FAIL() << "a byte has changed";
  } catch (const device::Fault& fault) {
    EXPECT_STREQ(fault.what(), "memory: the TLM memory reads 0x4d at 0x4, where something else was written last");
  }
}

TEST(Values, ACorruptedReadIsFound) {
  Quick bench;
  bench.place(128);
  bench.target->blocking = [](Target& self, Payload& payload, sc_time&) {
    access(self.bytes, payload);
    payload.get_data_ptr()[5] ^= 1;
    payload.set_response_status(::tlm::TLM_OK_RESPONSE);
  };
  bench.accept("a", {.address = 128, .row_bytes = 8});
  EXPECT_EQ(bench.fault(), "memory: the TLM memory reads 0x07 at 0x85, where something else was written last");
}

/// A memory need not be zero where nobody has written.
TEST(Values, WhatNobodyWroteMayBeAnything) {
  Quick bench;
  std::fill(bench.target->bytes.begin(), bench.target->bytes.end(), 0xee);
  bench.accept("a", {.address = 4096, .row_bytes = 64});
  bench.run();
  EXPECT_TRUE(bench.done.contains("a"));
}

TEST(Values, DebugMayMoveAFewBytesAtATime) {
  Quick bench;
  bench.place(0);
  bench.target->debug = [](Target& self, Payload& payload) {
    payload.set_data_length(std::min(payload.get_data_length(), 1000u));
    access(self.bytes, payload);
    return payload.get_data_length();
  };
  bench.accept("a", {.address = 0, .row_bytes = 8});
  bench.run();
  EXPECT_EQ(bench.target->bytes[7], 8);
}

TEST(Values, AMemoryWithoutDataSaysSo) {
  Quick bench;
  bench.place(0);
  bench.target->debug = [](Target&, Payload&) { return 0u; };
  bench.accept("a", {.address = 0, .row_bytes = 8});
  EXPECT_EQ(bench.fault(),
            "memory: transport_dbg of the TLM memory moved 0 of 65536 bytes at 0x0; a memory that stands in for the "
            "device's holds its data, or 'data: off' says that it is there for timing alone");
}

TEST(Values, TimingAlone) {
  Quick bench(false);
  bench.place(0);
  bench.target->debug = [](Target&, Payload&) -> unsigned { throw std::logic_error("nobody asks for data"); };
  bench.target->blocking = [](Target&, Payload& payload, sc_time& delay) {
    payload.set_response_status(::tlm::TLM_OK_RESPONSE);
    delay += ns(10);
  };
  bench.accept("a", {.address = 0, .row_bytes = 8});
  bench.run();
  bench.memory->fetch();
  std::byte first;
  bench.memory->contents().read(0, &first, 1);
  EXPECT_EQ(first, std::byte{1});
}

/// A read during which a write to the same bytes is under way may see either, and a later one what was written.
TEST(Values, ARaceIsNoDifference) {
  Bench bench(Protocol::blocking, 2);
  bench.target->blocking = [](Target& self, Payload& payload, sc_time& delay) {
    if (payload.is_write()) sc_core::wait(ns(50));  // the read beside it sees the old bytes
    access(self.bytes, payload);
    payload.set_response_status(::tlm::TLM_OK_RESPONSE);
    delay += ns(20);
  };
  const auto data = bytes_of({1, 2, 3, 4});
  bench.accept("write", {.address = 8, .row_bytes = 4, .write = true, .data = data.data()});
  bench.accept("read", {.address = 9, .row_bytes = 2});
  bench.accept("later", {.address = 8, .row_bytes = 4});
  bench.run();
  EXPECT_EQ(bench.done.size(), 3u);
  EXPECT_LT(bench.done.at("read").last, bench.done.at("write").last);
}

}  // namespace
}  // namespace triad::memory::tlm::test
