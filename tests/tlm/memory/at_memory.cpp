// An approximately timed memory of one's own in place of Triad's: four phases of nb_transport. It takes a request every
// 4 ns, works on several at a time, and answers one after the other. The program is the command line of Triad.
//
//     at_memory run tpu/tiny linear --set device.memory.preset=tlm --set device.memory.tlm.protocol=non-blocking
#include <tlm_utils/peq_with_cb_and_phase.h>
#include <tlm_utils/simple_target_socket.h>

#include <cstring>
#include <deque>
#include <vector>

#include "models/architectures.hpp"
#include "models/memory/tlm/provider.hpp"
#include "sim/cli/cli.hpp"

namespace {

using namespace sc_core;
using Payload = tlm::tlm_generic_payload;

class Memory : public sc_module {
 public:
  tlm_utils::simple_target_socket<Memory> socket;
  explicit Memory(const sc_module_name& name)
      : sc_module(name), socket("socket"), bytes_(64 << 20), phases_(this, &Memory::phase) {
    socket.register_nb_transport_fw(this, &Memory::nb_transport_fw);
    socket.register_transport_dbg(this, &Memory::transport_dbg);
  }

 private:
  tlm::tlm_sync_enum nb_transport_fw(Payload& payload, tlm::tlm_phase& phase, sc_time& delay) {
    if (phase == tlm::BEGIN_REQ) payload.acquire();
    phases_.notify(payload, phase, delay);
    return tlm::TLM_ACCEPTED;
  }

  /// A phase's time has come: the initiator's as they arrive, END_REQ and BEGIN_RESP when the memory is ready for them.
  void phase(Payload& payload, const tlm::tlm_phase& phase) {
    if (phase == tlm::BEGIN_REQ) {
      phases_.notify(payload, tlm::END_REQ, sc_time(4, SC_NS));
      phases_.notify(payload, tlm::BEGIN_RESP, sc_time(40, SC_NS));
    } else if (phase == tlm::END_REQ) {
      send(payload, tlm::END_REQ);
    } else if (phase == tlm::BEGIN_RESP) {
      answers_.push_back(&payload);
      if (answers_.size() == 1) answer();
    } else {  // END_RESP: the next answer may follow
      answers_.pop_front();
      payload.release();
      if (!answers_.empty()) answer();
    }
  }

  void answer() {
    Payload& payload = *answers_.front();
    payload.set_response_status(access(payload) ? tlm::TLM_OK_RESPONSE : tlm::TLM_ADDRESS_ERROR_RESPONSE);
    send(payload, tlm::BEGIN_RESP);
  }

  void send(Payload& payload, tlm::tlm_phase phase) {
    sc_time delay = SC_ZERO_TIME;
    const auto back = socket->nb_transport_bw(payload, phase, delay);
    if (phase == tlm::BEGIN_RESP && back == tlm::TLM_COMPLETED) phases_.notify(payload, tlm::END_RESP, delay);
  }

  unsigned transport_dbg(Payload& payload) { return access(payload) ? payload.get_data_length() : 0; }

  bool access(Payload& payload) {
    const auto address = payload.get_address();
    const unsigned length = payload.get_data_length();
    if (address + length > bytes_.size()) return false;
    if (payload.get_byte_enable_ptr() != nullptr) return true;  // Triad enables all bytes or, to take time only, none
    if (payload.is_write()) {
      std::memcpy(&bytes_[address], payload.get_data_ptr(), length);
    } else {
      std::memcpy(payload.get_data_ptr(), &bytes_[address], length);
    }
    return true;
  }

  std::vector<unsigned char> bytes_;
  tlm_utils::peq_with_cb_and_phase<Memory> phases_;
  std::deque<Payload*> answers_;  ///< ready to be sent; the first one is
};

}  // namespace

int main(int argc, char** argv) {
  triad::memory::tlm::provide([](const std::string&, triad::memory::tlm::Socket& socket) {
    static Memory memory("at_memory");
    socket.bind(memory.socket);
  });
  triad::device::Registry registry;
  triad::models::register_architectures(registry);
  return triad::cli::run(argc, argv, registry);
}
