#pragma once
#include <tlm_utils/peq_with_cb_and_phase.h>
#include <tlm_utils/simple_initiator_socket.h>

#include <deque>
#include <string>

#include "models/kit/agenda.hpp"
#include "models/memory/tlm/parameters.hpp"
#include "models/memory/tlm/provider.hpp"
#include "models/memory/tlm/transaction.hpp"

namespace triad::memory::tlm {

/// Who has transactions to send.
class Source {
 public:
  virtual ~Source() = default;
  /// Is there one to be sent now?
  virtual bool ready() const = 0;
  /// Fills the next one in.
  virtual void fill(Transaction& transaction) = 0;
  /// It has come back, at SystemC's now. In the machine's time (kit::Agenda::enter).
  virtual void complete(Transaction& transaction) = 0;
};

/// Speaks TLM-2.0 through one socket, a bounded number of transactions at a time, by IEEE 1666-2011.
///
/// blocking: threads call b_transport; a transaction is over when the delay that comes back has passed.
/// non-blocking: no BEGIN_REQ before the last one's END_REQ (or what implies it: BEGIN_RESP, TLM_COMPLETED), END_RESP
/// when a BEGIN_RESP takes effect. Annotated delays of the target are waited for (a PEQ). What the target does against
/// the protocol is a device::Fault.
class Initiator : public sc_core::sc_module {
 public:
  Initiator(const sc_core::sc_module_name& name, const Parameters& parameters, kit::Agenda& agenda, Source& source);

  /// The source may have one to send, `in` from now.
  void look(sc_core::sc_time in) { look_.notify(in); }
  /// transport_dbg; how many bytes it moved. Without time; after the elaboration.
  std::uint64_t debug(::tlm::tlm_command command, std::uint64_t address, std::byte* data, std::uint64_t bytes);
  Socket& socket() { return socket_; }

 private:
  using Payload = ::tlm::tlm_generic_payload;
  /// A thread that calls b_transport.
  struct Caller {
    Transaction* transaction = nullptr;
    sc_core::sc_event called;
  };
  void send();
  bool may_send() const;
  void send(Transaction& transaction);
  void call(Caller& caller);
  ::tlm::tlm_sync_enum nb_transport_bw(Payload& payload, ::tlm::tlm_phase& phase, sc_core::sc_time& delay);
  void begin_response(Transaction& transaction, const sc_core::sc_time& delay);
  void takes_effect(Payload& payload, const ::tlm::tlm_phase& phase);
  void complete(Transaction& transaction);
  void violation(const Payload& payload, const std::string& what);
  void tell();

  const Parameters parameters_;
  kit::Agenda& agenda_;
  Source& source_;
  tlm_utils::simple_initiator_socket<Initiator> socket_;
  tlm_utils::peq_with_cb_and_phase<Initiator> effects_;
  sc_core::sc_event look_, violated_;
  std::string violation_;
  Pool pool_;
  int outstanding_ = 0;
  const Transaction* requesting_ = nullptr;  ///< between its BEGIN_REQ and END_REQ
  const Transaction* responding_ = nullptr;  ///< between its BEGIN_RESP and END_RESP
  std::deque<Caller> callers_;
};

}  // namespace triad::memory::tlm
