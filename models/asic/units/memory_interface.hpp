#pragma once
#include <deque>
#include <string>
#include <vector>

#include "models/asic/geometry.hpp"
#include "models/memory/memory.hpp"
#include "sim/device/job.hpp"

namespace triad::asic {

using kit::Cycle;

/// A request of a DMA with what is to happen when it is complete.
struct Transfer {
  memory::Request request;
  Cycle from = 0;               ///< not before this cycle
  std::vector<std::byte> data;  ///< of a write, in the order of rows
  bool control = false;         ///< a descriptor: its bytes are there in a run without values, too
  /// The address is for the timing only: who asked moves the contents itself and takes care of their order.
  bool indirect = false;
  /// Called at the time of the last byte, with the cycles of this clock that see the first and the last byte. `data` of
  /// a read holds what memory contained then.
  std::function<void(Cycle first, Cycle last, std::vector<std::byte> data)> done;
};

/// The machine's port to memory: one request a cycle, round robin among the clients that have one, as long as memory
/// has credits. Values move when a request completes; in a run without values only descriptors do. With checks on, a
/// read and a write that overlap in flight are a hazard.
class MemoryInterface : public kit::Unit {
 public:
  MemoryInterface(const sc_core::sc_module_name& name, kit::Clock clock, memory::Memory& memory, std::uint64_t capacity,
                  bool values, bool check);

  /// Declares a client; returns its number.
  int add_client(std::string name);
  /// Queues a transfer of a client; its transfers are issued in the order of submission. Throws device::Fault when it
  /// leaves the memory.
  void submit(int client, Transfer transfer);
  std::uint64_t capacity() const { return capacity_; }
  bool values() const { return values_; }
  memory::Contents& contents() { return memory_.contents(); }
  /// Bytes of an indirect write.
  void poke(std::uint64_t address, const std::vector<std::byte>& bytes) {
    memory_.poke(address, bytes.data(), bytes.size());
  }
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
  std::uint64_t capacity_;
  bool values_, check_;
  std::vector<Client> clients_;
  std::size_t turn_ = 0;
  std::uint64_t next_id_ = 0;
  Cycle issued_until_ = 0;  ///< first cycle in which the next request may be issued
  std::vector<Flight> flights_;
};

/// Appends the requests that move these rows, in order, none larger than `burst`.
void bursts(std::vector<memory::Request>& requests, const Rows& rows, std::uint64_t burst, bool write,
            activity::Tag tag);

}  // namespace triad::asic
