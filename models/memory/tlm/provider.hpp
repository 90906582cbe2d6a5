#pragma once
#include <tlm.h>

#include <functional>
#include <string>

namespace triad::memory::tlm {

/// What a memory of `kind: tlm` speaks through: 32 bits wide as far as binding goes (BUSWIDTH), which says nothing of
/// the length of transactions.
using Socket = ::tlm::tlm_initiator_socket<>;

/// Binds the socket of the memory `name` ("memory") to a TLM-2.0 memory of the user's, which lives until the simulation
/// ends. Called in the elaboration.
using Provider = std::function<void(const std::string& name, Socket& socket)>;

/// Who brings the memories of `kind: tlm` from here on.
void provide(Provider provider);
/// For the backend. Throws device::Unsupported when nobody brings one.
void bind(const std::string& name, Socket& socket);

}  // namespace triad::memory::tlm
