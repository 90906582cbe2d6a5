#include "models/memory/tlm/tlm_backend.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "models/memory/parameters.hpp"
#include "sim/device/device.hpp"

namespace triad::memory::tlm {

TlmBackend::TlmBackend(const std::string& name, const memory::Parameters& parameters, activity::Recorder& recorder,
                       const activity::Technology& technology, bool check)
    : name_(name),
      parameters_(*parameters.tlm),
      capacity_(parameters.capacity),
      check_(check),
      clock_(parameters.clock_hz),
      path_(static_cast<Time>(std::llround(parameters.latency / 2 * 1e15))),
      track_(recorder, name + ".tlm", clock_, activity::Resource::memory),
      moved_(track_.add_action("bytes_moved", 8 * parameters.bit_picojoules(technology))),
      initiator_((name + "_initiator").c_str(), parameters_, kit::Agenda::current(), *this) {
  bind(name, initiator_.socket());
}

void TlmBackend::attach(kit::Unit& front, Contents& contents) {
  front_ = &front;
  contents_ = &contents;
}

void TlmBackend::submit(std::uint64_t id, const Request& request, Time arrival) {
  place_image();
  if (id >= flights_.size()) flights_.resize(id + 1);
  Flight& flight = flights_[id];
  flight = {request, Cut(request, parameters_.burst), arrival + path_};
  if (flight.cut.done()) {  // no bytes: there and back
    finished_.push_back({id, {arrival + 2 * path_, arrival + 2 * path_}});
    return;
  }
  front_->agenda().await();
  waiting_.push_back(id);
  initiator_.look(front_->agenda().until(flight.leaves));
}

void TlmBackend::advance(Time, std::vector<Finished>& finished) {
  finished.insert(finished.end(), finished_.begin(), finished_.end());
  finished_.clear();
}

bool TlmBackend::ready() const {
  if (waiting_.empty()) return false;
  const sc_core::sc_time in = front_->agenda().until(flights_[waiting_.front()].leaves);
  if (in != sc_core::SC_ZERO_TIME) const_cast<Initiator&>(initiator_).look(in);
  return in == sc_core::SC_ZERO_TIME;
}

void TlmBackend::fill(Transaction& transaction) {
  const std::uint64_t id = waiting_.front();
  Flight& flight = flights_[id];
  const Cut::Piece piece = flight.cut.next();
  if (flight.cut.done()) waiting_.pop_front();
  ++flight.under_way;
  transaction.request = id;
  transaction.offset = piece.offset;
  transaction.bytes.assign(piece.bytes, 0);
  auto& payload = transaction.payload;
  payload.set_command(flight.request.write ? ::tlm::TLM_WRITE_COMMAND : ::tlm::TLM_READ_COMMAND);
  payload.set_address(piece.address);
  payload.set_data_ptr(transaction.bytes.data());
  payload.set_data_length(static_cast<unsigned>(piece.bytes));
  payload.set_streaming_width(static_cast<unsigned>(piece.bytes));
  payload.set_byte_enable_ptr(nullptr);
  payload.set_byte_enable_length(0);
  payload.set_dmi_allowed(false);
  payload.set_response_status(::tlm::TLM_INCOMPLETE_RESPONSE);
  if (flight.request.write) fill_bytes(transaction, flight.request);
  if (check_) note_races(transaction);
  if (under_way_.empty()) recorded_ = clock_.at(front_->agenda().elapsed());
  under_way_.push_back(&transaction);
}

void TlmBackend::fill_bytes(Transaction& transaction, const Request& request) {
  auto& payload = transaction.payload;
  if (request.indirect) {  // bytes of another place: takes a write's time and writes nothing
    static unsigned char none = TLM_BYTE_DISABLED;
    payload.set_byte_enable_ptr(&none);
    payload.set_byte_enable_length(1);
    return;
  }
  auto* bytes = reinterpret_cast<std::byte*>(transaction.bytes.data());
  if (request.data != nullptr) {
    std::copy_n(request.data + transaction.offset, transaction.bytes.size(), bytes);
  } else {
    contents_->read(payload.get_address(), bytes, transaction.bytes.size());
  }
  if (check_ && parameters_.data) shadow_.write(payload.get_address(), bytes, transaction.bytes.size());
}

/// A read during which a write to the same bytes is under way may see either.
void TlmBackend::note_races(Transaction& transaction) {
  const auto& payload = transaction.payload;
  transaction.raced = false;
  for (Transaction* other : under_way_) {
    const auto& theirs = other->payload;
    const bool apart = theirs.get_address() + theirs.get_data_length() <= payload.get_address() ||
                       payload.get_address() + payload.get_data_length() <= theirs.get_address();
    if (apart || theirs.is_write() == payload.is_write()) continue;
    (payload.is_read() ? transaction : *other).raced = true;
  }
}

void TlmBackend::complete(Transaction& transaction) {
  const auto& payload = transaction.payload;
  std::erase(under_way_, &transaction);
  const std::uint64_t id = transaction.request;
  Flight& flight = flights_[id];
  const kit::Cycle now = clock_.at(kit::now());
  track_.state(activity::State::busy, flight.request.tag, recorded_, now);
  track_.count(moved_, payload.get_data_length(), recorded_, now);
  recorded_ = now;
  if (check_ && payload.is_read() && !transaction.raced) {
    verify(payload.get_address(), reinterpret_cast<const std::byte*>(transaction.bytes.data()),
           transaction.bytes.size());
  }
  if (!flight.begun) flight.first = kit::now() + path_;
  flight.begun = true;
  if (--flight.under_way > 0 || !flight.cut.done()) return;
  finished_.push_back({id, {flight.first, kit::now() + path_}});
  front_->wake_at_time(kit::now());
  front_->agenda().arrived();
}

std::string TlmBackend::waits_for() const {
  if (under_way_.empty()) return {};
  const auto& payload = under_way_.front()->payload;
  return fmt::format("the TLM memory, for the {} of {} bytes at {:#x} and {} more transactions",
                     payload.is_write() ? "write" : "read", payload.get_data_length(), payload.get_address(),
                     under_way_.size() - 1);
}

void TlmBackend::verify(std::uint64_t address, const std::byte* read, std::uint64_t bytes) const {
  const std::uint64_t differs = shadow_.difference(address, read, bytes);
  if (differs == ~std::uint64_t{0}) return;
  throw device::Fault(fmt::format("{}: the TLM memory reads {:#04x} at {:#x}, where something else was written last",
                                  name_, std::to_integer<int>(read[differs - address]), differs));
}

void TlmBackend::debug(::tlm::tlm_command command, std::uint64_t address, std::byte* data, std::uint64_t bytes) {
  const std::uint64_t moved = initiator_.debug(command, address, data, bytes);
  if (moved == bytes) return;
  throw device::Fault(
      fmt::format("{}: transport_dbg of the TLM memory moved {} of {} bytes at {:#x}; a memory that stands in for the "
                  "device's holds its data, or 'data: off' says that it is there for timing alone",
                  name_, moved, bytes, address));
}

void TlmBackend::place_image() {
  if (placed_) return;
  placed_ = true;
  if (!parameters_.data) return;
  contents_->visit(capacity_, [this](std::uint64_t address, std::byte* data, std::uint64_t bytes) {
    debug(::tlm::TLM_WRITE_COMMAND, address, data, bytes);
    if (check_) shadow_.write(address, data, bytes);
  });
}

void TlmBackend::poke(std::uint64_t address, const std::byte* in, std::uint64_t bytes) {
  if (!placed_ || !parameters_.data) return;  // part of the image
  std::vector<std::byte> copy(in, in + bytes);
  debug(::tlm::TLM_WRITE_COMMAND, address, copy.data(), bytes);
  if (check_) shadow_.write(address, in, bytes);
}

void TlmBackend::fetch() {
  if (!placed_ || !parameters_.data) return;
  contents_->visit(capacity_, [this](std::uint64_t address, std::byte* data, std::uint64_t bytes) {
    debug(::tlm::TLM_READ_COMMAND, address, data, bytes);
    if (check_) verify(address, data, bytes);
  });
}

}  // namespace triad::memory::tlm
