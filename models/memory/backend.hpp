#pragma once
#include <string>
#include <vector>

#include "models/kit/unit.hpp"
#include "models/memory/contents.hpp"
#include "models/memory/request.hpp"

namespace triad::memory {

/// A request that is served: number, and when its first and last byte were there (read) or taken (write).
struct Finished {
  std::uint64_t id = 0;
  Completion completion;
};

/// What stands behind Memory's front: DRAM, ideal channels, or a TLM-2.0 memory of the user's. The front counts
/// credits, orders what arrives at one edge by requester, and calls handlers; a backend only says when, and records
/// what its channels did.
class Backend {
 public:
  virtual ~Backend() = default;
  /// The request arrives at `arrival`, an edge of the memory's clock, never before an earlier one. The number is free
  /// again when the request is told as finished; numbers are small.
  virtual void submit(std::uint64_t id, const Request& request, Time arrival) = 0;
  /// Time is `now`: appends every request whose completion is certain and not yet told (its `last` may lie ahead;
  /// nothing that is submitted later changes it). Whatever arrives at `now` has been submitted.
  virtual void advance(Time now, std::vector<Finished>& finished) = 0;
  /// When to call `advance` again, if nothing is submitted before: no completion is missed. ~Time{0}: when asked.
  virtual Time next() const = 0;
  /// The front that asks, to be woken when something comes that `next` did not foresee, and what it holds. Once, first.
  virtual void attach(kit::Unit& /*front*/, Contents& /*contents*/) {}
  /// Bytes have come to contents that no request of this address carries.
  virtual void poke(std::uint64_t /*address*/, const std::byte* /*in*/, std::uint64_t /*bytes*/) {}
  /// After the run: contents are to be what a memory holds that is not ours.
  virtual void fetch() {}
  /// Why the requests that it has are not served, or empty when their time will come by itself.
  virtual std::string waits_for() const { return {}; }
  /// The run ends at `end`, with every request told: records what is left to record.
  virtual void finish(Time end) = 0;
};

}  // namespace triad::memory
