// A loosely timed memory of one's own in place of Triad's: b_transport does the access at once and says how long it
// takes. The program is the command line of Triad, with this memory in it.
//
//     lt_memory run tpu/tiny linear --set device.memory.preset=tlm
#include <tlm_utils/simple_target_socket.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "models/architectures.hpp"
#include "models/memory/tlm/provider.hpp"
#include "sim/cli/cli.hpp"

namespace {

using namespace sc_core;

/// 40 ns to the first byte, then a byte every 250 ps; one transfer after the other.
class Memory : public sc_module {
 public:
  tlm_utils::simple_target_socket<Memory> socket;
  explicit Memory(const sc_module_name& name) : sc_module(name), socket("socket"), bytes_(64 << 20) {
    socket.register_b_transport(this, &Memory::b_transport);
    socket.register_transport_dbg(this, &Memory::transport_dbg);
  }

 private:
  void b_transport(tlm::tlm_generic_payload& payload, sc_time& delay) {
    if (!access(payload)) return payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
    const sc_time latency(40, SC_NS), transfer = payload.get_data_length() * sc_time(250, SC_PS);
    free_ = std::max(free_, sc_time_stamp() + delay + latency) + transfer;
    delay = free_ - sc_time_stamp();
  }

  unsigned transport_dbg(tlm::tlm_generic_payload& payload) { return access(payload) ? payload.get_data_length() : 0; }

  bool access(tlm::tlm_generic_payload& payload) {
    const auto address = payload.get_address();
    const unsigned length = payload.get_data_length();
    if (address + length > bytes_.size()) return false;
    const unsigned char* enable = payload.get_byte_enable_ptr();
    for (unsigned i = 0; i < length; ++i) {
      if (enable != nullptr && enable[i % payload.get_byte_enable_length()] != TLM_BYTE_ENABLED) continue;
      unsigned char &ours = bytes_[address + i], &theirs = payload.get_data_ptr()[i];
      (payload.is_write() ? ours : theirs) = payload.is_write() ? theirs : ours;
    }
    return true;
  }

  std::vector<unsigned char> bytes_;
  sc_time free_;
};

}  // namespace

int main(int argc, char** argv) {
  triad::memory::tlm::provide([](const std::string&, triad::memory::tlm::Socket& socket) {
    static Memory memory("lt_memory");
    socket.bind(memory.socket);
  });
  triad::device::Registry registry;
  triad::models::register_architectures(registry);
  return triad::cli::run(argc, argv, registry);
}
