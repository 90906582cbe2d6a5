#pragma once
#include "models/kit/clock.hpp"
#include "sim/activity/recorder.hpp"

namespace triad::memory {

using kit::Cycle;
using kit::Time;

/// A strided range: `rows` rows of `row_bytes` bytes, `stride` bytes from the begin of one row to that of the next.
struct Request {
  std::uint64_t address = 0;
  std::uint64_t row_bytes = 0, rows = 1;
  std::int64_t stride = 0;
  bool write = false;
  activity::Tag tag = {};
  int requester = 0;  ///< which of the memory's requesters offers it, from 0 on; who goes first when several do at once
  /// What a memory of the user's is to be told: a write's bytes, row by row, there until it is done; nothing: those
  /// that contents hold when they leave.
  const std::byte* data = nullptr;
  bool indirect = false;  ///< a write's address is for timing only; its bytes lie elsewhere and come by Memory::poke
  std::uint64_t bytes() const { return row_bytes * rows; }
};

/// Which bytes of a request were ready (read) or taken (write) by when: byte b, counted in order of rows, at
/// first + (last - first) * b / bytes.
struct Completion {
  Time first = 0, last = 0;
};

}  // namespace triad::memory
