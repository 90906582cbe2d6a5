#include "models/memory/tlm/provider.hpp"

#include "sim/device/device.hpp"

namespace triad::memory::tlm {

namespace {
Provider provider_of_memories;
}

void provide(Provider provider) {
  provider_of_memories = std::move(provider);
}

void bind(const std::string& name, Socket& socket) {
  if (!provider_of_memories) {
    throw device::Unsupported(name +
                              ": kind: tlm is a TLM-2.0 memory of a program's own, and this program brings none; call "
                              "triad::memory::tlm::provide before the run (tests/tlm/memory shows how)");
  }
  provider_of_memories(name, socket);
}

}  // namespace triad::memory::tlm
