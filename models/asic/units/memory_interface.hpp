#pragma once
#include <deque>
#include <string>
#include <vector>

#include "models/memory/memory.hpp"
#include "sim/device/job.hpp"

namespace triad::asic {

using kit::Cycle;

/// A request of a DMA with what is to happen when it is complete.
struct Transfer {
  memory::Request request;
  Cycle from = 0;               ///< not before this cycle
  std::vector<std::byte> data;  ///< of a write, in the order of rows
  /// Called at the time of the last byte, with the cycles of this clock that see the first and the last byte. `data` of
  /// a read holds what memory contained then.
  std::function<void(Cycle first, Cycle last, std::vector<std::byte> data)> done;
};

/// The machine's port to memory: one request a cycle, round robin among the clients that have one, as long as memory
/// has credits. Values move when a request completes. With checks on, a read and a write that overlap in flight are a
/// hazard.
class MemoryInterface : public kit::Unit {
 public:
  MemoryInterface(const sc_core::sc_module_name& name, kit::Clock clock, memory::Memory& memory, bool check);

  /// Declares a client; returns its number.
  int add_client(std::string name);
  /// Queues a transfer of a client; its transfers are issued in the order of submission. Throws device::Fault when it
  /// leaves the memory.
  void submit(int client, Transfer transfer);
  std::uint64_t capacity() const { return memory_.parameters().capacity; }
  std::string waits_for() const override;

 private:
  void step() override;
  bool issue(Transfer& transfer, int client);
  void check_hazard(const memory::Request& request, int client) const;

  struct Client {
    std::string name;
    std::deque<Transfer> queue;
  };
  struct Flight {
    std::uint64_t id, begin, end;
    bool write;
    int client;
  };
  memory::Memory& memory_;
  bool check_;
  std::vector<Client> clients_;
  std::size_t turn_ = 0;
  std::uint64_t next_id_ = 0;
  Cycle issued_until_ = 0;  ///< first cycle in which the next request may be issued
  std::vector<Flight> flights_;
};

/// The requests that move a matrix of `rows` rows of `row_bytes` bytes, `pitch` bytes apart, none larger than `burst`.
std::vector<memory::Request> bursts(std::uint64_t address, std::uint64_t rows, std::uint64_t row_bytes,
                                    std::int64_t pitch, std::uint64_t burst, bool write, activity::Tag tag);

}  // namespace triad::asic
