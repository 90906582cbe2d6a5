#include "models/asic/units/memory_interface.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/device/device.hpp"

namespace triad::asic {

MemoryInterface::MemoryInterface(const sc_core::sc_module_name& name, kit::Clock clock, memory::Memory& memory,
                                 std::uint64_t capacity, bool values, bool check)
    : Unit(name, clock), memory_(memory), capacity_(capacity), values_(values), check_(check) {
  memory.add_listener(*this);
}

int MemoryInterface::add_client(std::string name) {
  clients_.push_back({std::move(name), {}});
  return static_cast<int>(clients_.size()) - 1;
}

void MemoryInterface::submit(int client, Transfer transfer) {
  const memory::Request& request = transfer.request;
  const std::uint64_t end =
      request.address + (request.rows - 1) * static_cast<std::uint64_t>(request.stride) + request.row_bytes;
  if (end > capacity() || request.address >= end) {
    throw device::Fault(fmt::format("{}, cycle {}: bytes {:#x}..{:#x}, device memory has {:#x}",
                                    clients_[static_cast<std::size_t>(client)].name, cycle(), request.address, end,
                                    capacity()));
  }
  const Cycle from = transfer.from = std::max(transfer.from, cycle() + 1);
  clients_[static_cast<std::size_t>(client)].queue.push_back(std::move(transfer));
  wake_at(std::max(from, issued_until_));
}

void MemoryInterface::step() {
  const Cycle now = cycle();
  if (now < issued_until_) return wake_at(issued_until_);
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    const std::size_t index = (turn_ + i) % clients_.size();
    Client& client = clients_[index];
    if (client.queue.empty() || client.queue.front().from > now) continue;
    if (!issue(client.queue.front(), static_cast<int>(index))) return;  // woken when a credit is freed
    client.queue.pop_front();
    turn_ = (index + 1) % clients_.size();
    issued_until_ = now + 1;
    break;
  }
  Cycle next = never;
  for (const Client& client : clients_) {
    if (!client.queue.empty()) next = std::min(next, std::max(client.queue.front().from, issued_until_));
  }
  if (next != never) wake_at(next);
}

bool MemoryInterface::issue(Transfer& transfer, int client) {
  const std::uint64_t id = next_id_;
  memory::Request request = transfer.request;
  if (!transfer.data.empty()) request.data = transfer.data.data();  // the bytes stay there when the handler gets them
  request.indirect = transfer.indirect && request.write;
  // The handler owns the data: the transfer leaves the queue when it is accepted.
  auto data = std::make_shared<std::vector<std::byte>>();
  auto done = std::make_shared<decltype(transfer.done)>();
  const bool moves = !transfer.indirect && (values_ || transfer.control);
  const bool accepted =
      memory_.accept(request, [this, id, request, data, done, moves](const memory::Completion& completion) {
        std::erase_if(flights_, [id](const Flight& flight) { return flight.id == id; });
        if (moves && !request.write) data->resize(request.bytes());
        for (std::uint64_t row = 0; moves && row < request.rows; ++row) {
          const std::uint64_t address =
              request.address + static_cast<std::uint64_t>(static_cast<std::int64_t>(row) * request.stride);
          std::byte* host = data->data() + row * request.row_bytes;
          if (request.write) {
            memory_.contents().write(address, host, request.row_bytes);
          } else {
            memory_.contents().read(address, host, request.row_bytes);
          }
        }
        (*done)(clock().after(completion.first), clock().after(completion.last), std::move(*data));
      });
  if (!accepted) return false;
  const bool ordered = transfer.indirect;
  *data = std::move(transfer.data);
  *done = std::move(transfer.done);
  ++next_id_;
  if (check_ && !ordered) {
    check_hazard(request, client);
    const std::uint64_t end = request.address +
                              static_cast<std::uint64_t>(static_cast<std::int64_t>(request.rows - 1) * request.stride) +
                              request.row_bytes;
    flights_.push_back({id, request.address, end, request.write, client});
  }
  return true;
}

void MemoryInterface::check_hazard(const memory::Request& request, int client) const {
  for (const Flight& flight : flights_) {
    if (!flight.write && !request.write) continue;
    // A strided range meets another when one of its rows does; the other is taken as a whole.
    for (std::uint64_t row = 0; row < request.rows; ++row) {
      const std::uint64_t begin =
          request.address + static_cast<std::uint64_t>(static_cast<std::int64_t>(row) * request.stride);
      if (begin >= flight.end || begin + request.row_bytes <= flight.begin) continue;
      if (flight.write && request.write) continue;  // tiles of one result: interleaved rows, disjoint bytes
      throw device::Fault(fmt::format("hazard at cycle {}: {} {} bytes {:#x}..{:#x} while {} {} them", cycle(),
                                      clients_[static_cast<std::size_t>(client)].name,
                                      request.write ? "writes" : "reads", begin, begin + request.row_bytes,
                                      clients_[static_cast<std::size_t>(flight.client)].name,
                                      flight.write ? "writes" : "reads"));
    }
  }
}

std::string MemoryInterface::waits_for() const {
  for (const Client& client : clients_) {
    if (!client.queue.empty())
      return fmt::format("{} requests of {} wait for credits", client.queue.size(), client.name);
  }
  return {};
}

void bursts(std::vector<memory::Request>& requests, const Rows& part, std::uint64_t burst, bool write,
            activity::Tag tag) {
  std::uint64_t rows = part.rows, row_bytes = part.row_bytes;
  if (rows > 1 && static_cast<std::uint64_t>(part.pitch) == row_bytes) row_bytes *= rows, rows = 1;
  const auto row_at = [&](std::uint64_t row) {
    return part.address + static_cast<std::uint64_t>(static_cast<std::int64_t>(row) * part.pitch);
  };
  if (row_bytes > burst) {
    for (std::uint64_t row = 0; row < rows; ++row) {
      for (std::uint64_t at = 0; at < row_bytes; at += burst) {
        requests.push_back({row_at(row) + at, std::min(burst, row_bytes - at), 1, 0, write, tag});
      }
    }
    return;
  }
  const std::uint64_t group = burst / row_bytes;
  for (std::uint64_t row = 0; row < rows; row += group) {
    requests.push_back({row_at(row), row_bytes, std::min(group, rows - row), part.pitch, write, tag});
  }
}

}  // namespace triad::asic
