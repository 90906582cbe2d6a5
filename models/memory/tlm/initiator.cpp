#define SC_INCLUDE_DYNAMIC_PROCESSES  // for sc_spawn
#include "models/memory/tlm/initiator.hpp"

#include <fmt/core.h>

#include "sim/device/device.hpp"

namespace triad::memory::tlm {

using ::tlm::tlm_phase;
using Phase = Transaction::Phase;

namespace {

std::string access_of(const ::tlm::tlm_generic_payload& payload) {
  return fmt::format("a {} of {} bytes at {:#x}", payload.is_write() ? "write" : "read", payload.get_data_length(),
                     payload.get_address());
}

}  // namespace

Initiator::Initiator(const sc_core::sc_module_name& name, const Parameters& parameters, kit::Agenda& agenda,
                     Source& source)
    : sc_module(name),
      parameters_(parameters),
      agenda_(agenda),
      source_(source),
      socket_("socket"),
      effects_(this, &Initiator::takes_effect) {
  socket_.register_nb_transport_bw(this, &Initiator::nb_transport_bw);
  SC_HAS_PROCESS(Initiator);
  SC_METHOD(send);
  sensitive << look_;
  dont_initialize();
  SC_METHOD(tell);
  sensitive << violated_;
  dont_initialize();
  if (parameters.protocol == Protocol::non_blocking) return;
  for (int i = 0; i < parameters.outstanding; ++i) {
    Caller& caller = callers_.emplace_back();
    sc_core::sc_spawn([this, &caller] { call(caller); }, sc_core::sc_gen_unique_name("caller"));
  }
}

bool Initiator::may_send() const {
  return requesting_ == nullptr && outstanding_ < parameters_.outstanding && !agenda_.failure() && source_.ready();
}

void Initiator::send() {
  while (may_send()) {
    Transaction& transaction = pool_.take();
    source_.fill(transaction);
    ++outstanding_;
    send(transaction);
  }
}

void Initiator::send(Transaction& transaction) {
  if (parameters_.protocol == Protocol::blocking) {
    for (Caller& caller : callers_) {
      if (caller.transaction != nullptr) continue;
      caller.transaction = &transaction;
      caller.called.notify(sc_core::SC_ZERO_TIME);
      return;
    }
  }
  transaction.phase = Phase::request;
  requesting_ = &transaction;
  tlm_phase phase = ::tlm::BEGIN_REQ;
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  switch (socket_->nb_transport_fw(transaction.payload, phase, delay)) {
    case ::tlm::TLM_ACCEPTED:
      return;
    case ::tlm::TLM_COMPLETED:
      transaction.phase = Phase::response;
      effects_.notify(transaction.payload, ::tlm::END_RESP, delay);  // nothing is left to be said
      return;
    case ::tlm::TLM_UPDATED:
      if (phase == ::tlm::END_REQ || phase == ::tlm::BEGIN_RESP) {
        nb_transport_bw(transaction.payload, phase, delay);
      } else {
        violation(transaction.payload, "returns from BEGIN_REQ with a phase that is neither END_REQ nor BEGIN_RESP");
      }
  }
}

/// Once a thread: transactions one after the other.
void Initiator::call(Caller& caller) {
  for (;;) {
    while (caller.transaction == nullptr) sc_core::wait(caller.called);
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    socket_->b_transport(caller.transaction->payload, delay);
    effects_.notify(caller.transaction->payload, ::tlm::END_RESP, delay);
    caller.transaction = nullptr;
  }
}

::tlm::tlm_sync_enum Initiator::nb_transport_bw(Payload& payload, tlm_phase& phase, sc_core::sc_time& delay) {
  Transaction& transaction = transaction_of(payload);
  if (phase == ::tlm::END_REQ) {
    if (transaction.phase != Phase::request || requesting_ != &transaction) {
      violation(payload, "says END_REQ to no request");
    } else {
      transaction.phase = Phase::accepted;
      transaction.accepted = sc_core::sc_time_stamp() + delay;
      effects_.notify(payload, phase, delay);
    }
  } else if (phase == ::tlm::BEGIN_RESP) {
    begin_response(transaction, delay);
  } else if (phase == ::tlm::BEGIN_REQ || phase == ::tlm::END_RESP) {
    violation(payload, "says what only an initiator may");
  }  // other phases are extensions that may be ignored
  return ::tlm::TLM_ACCEPTED;
}

void Initiator::begin_response(Transaction& transaction, const sc_core::sc_time& delay) {
  if (transaction.phase == Phase::response) return violation(transaction.payload, "says BEGIN_RESP twice");
  if (responding_ != nullptr) return violation(transaction.payload, "says BEGIN_RESP before END_RESP of the last one");
  if (transaction.phase == Phase::accepted && sc_core::sc_time_stamp() + delay < transaction.accepted) {
    return violation(transaction.payload, "responds before it has accepted");
  }
  transaction.phase = Phase::response;
  responding_ = &transaction;
  effects_.notify(transaction.payload, ::tlm::BEGIN_RESP, delay);
}

/// A phase's time has come. END_RESP: the target completed the transaction in the call that sent it.
void Initiator::takes_effect(Payload& payload, const tlm_phase& phase) {
  Transaction& transaction = transaction_of(payload);
  if (requesting_ == &transaction) requesting_ = nullptr;
  if (phase == ::tlm::BEGIN_RESP) {
    tlm_phase end = ::tlm::END_RESP;
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    responding_ = nullptr;  // the target may answer the next one from within the call
    socket_->nb_transport_fw(payload, end, delay);
  }
  if (phase != ::tlm::END_REQ) complete(transaction);
  look_.notify(sc_core::SC_ZERO_TIME);
}

void Initiator::complete(Transaction& transaction) {
  --outstanding_;
  agenda_.enter([&] {
    if (transaction.payload.is_response_error()) {
      throw device::Fault(fmt::format("{}: {} in answer to {}", name(), transaction.payload.get_response_string(),
                                      access_of(transaction.payload)));
    }
    source_.complete(transaction);
  });
  transaction.payload.release();
  look_.notify(sc_core::SC_ZERO_TIME);
}

void Initiator::violation(const Payload& payload, const std::string& what) {
  violation_ = fmt::format("{}: the memory {} (TLM-2.0 base protocol): {}", name(), what, access_of(payload));
  violated_.notify(sc_core::SC_ZERO_TIME);  // the machine goes on in processes of its own, not in the target's
}

void Initiator::tell() {
  agenda_.enter([this] { throw device::Fault(violation_); });
}

std::uint64_t Initiator::debug(::tlm::tlm_command command, std::uint64_t address, std::byte* data,
                               std::uint64_t bytes) {
  std::uint64_t moved = 0;
  while (moved < bytes) {
    Payload payload;
    payload.set_command(command);
    payload.set_address(address + moved);
    payload.set_data_ptr(reinterpret_cast<unsigned char*>(data + moved));
    payload.set_data_length(static_cast<unsigned>(bytes - moved));
    payload.set_streaming_width(static_cast<unsigned>(bytes - moved));
    const unsigned now = socket_->transport_dbg(payload);
    if (now == 0 || now > bytes - moved) return moved;
    moved += now;
  }
  return moved;
}

}  // namespace triad::memory::tlm
