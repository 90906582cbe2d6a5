#pragma once
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "models/kit/unit.hpp"
#include "models/memory/backend.hpp"
#include "models/memory/contents.hpp"
#include "models/memory/tlm/initiator.hpp"
#include "models/memory/tlm/shadow.hpp"
#include "sim/activity/technology.hpp"

namespace triad::memory {
struct Parameters;
}

namespace triad::memory::tlm {

/// A TLM-2.0 memory of the user's in place of ours. Requests are served in order of arrival, each cut into transactions
/// that touch one row and no multiple of `burst`; they leave half the path's latency after the request has arrived, and
/// count as done half of it after they have come back.
///
/// Values: the machine's contents decide what a unit reads, in every run; the user's memory holds the same bytes. It
/// gets the image by transport_dbg before the first transaction, writes carry the bytes that the machine writes, and
/// after the run what it holds (transport_dbg) is what results are read from. With `check` every read, and everything
/// at the end, must be what was written there: a byte that differs is a device::Fault, except in a read during which a
/// write to the same bytes was under way. A memory must keep the order of transactions to the same bytes.
class TlmBackend : public Backend, private Source {
 public:
  TlmBackend(const std::string& name, const memory::Parameters& parameters, activity::Recorder& recorder,
             const activity::Technology& technology, bool check);
  void attach(kit::Unit& front, Contents& contents) override;
  void submit(std::uint64_t id, const Request& request, Time arrival) override;
  void advance(Time now, std::vector<Finished>& finished) override;
  Time next() const override { return ~Time{0}; }  // it wakes the front
  void finish(Time) override {}
  std::string waits_for() const override;
  void poke(std::uint64_t address, const std::byte* in, std::uint64_t bytes) override;
  void fetch() override;

 private:
  struct Flight {
    Request request;
    Cut cut;
    Time leaves = 0;              ///< its first transaction, earliest
    std::uint64_t under_way = 0;  ///< transactions
    bool begun = false;           ///< one has come back
    Time first = 0;
  };
  bool ready() const override;
  void fill(Transaction& transaction) override;
  void complete(Transaction& transaction) override;
  void fill_bytes(Transaction& transaction, const Request& request);
  void note_races(Transaction& transaction);
  void verify(std::uint64_t address, const std::byte* read, std::uint64_t bytes) const;
  void debug(::tlm::tlm_command command, std::uint64_t address, std::byte* data, std::uint64_t bytes);
  void place_image();

  const std::string name_;
  const tlm::Parameters parameters_;
  const std::uint64_t capacity_;
  const bool check_;
  const kit::Clock clock_;
  const Time path_;  ///< half of the latency
  kit::Track track_;
  const int moved_;
  Initiator initiator_;
  kit::Unit* front_ = nullptr;
  Contents* contents_ = nullptr;
  bool placed_ = false;
  std::vector<Flight> flights_;        ///< by the request's number
  std::deque<std::uint64_t> waiting_;  ///< with something left to be sent, in order of arrival
  std::vector<Transaction*> under_way_;
  kit::Cycle recorded_ = 0;
  std::vector<Finished> finished_;
  Shadow shadow_;
};

}  // namespace triad::memory::tlm
