#include <gtest/gtest.h>

#include <algorithm>

#include "../memory/tlm/support.hpp"
#include "models/architectures.hpp"
#include "models/platform/accelerator.hpp"
#include "sim/experiment/children.hpp"
#include "sim/experiment/experiment.hpp"

namespace triad::platform {
namespace {

using memory::tlm::test::access;
using memory::tlm::test::ns;
using memory::tlm::test::Payload;
using memory::tlm::test::Target;

/// Writes START at a time that is no edge of the device, and a word beside its tensors while it runs.
class Host : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<Host> socket;
  std::uint32_t read_back = 0;
  Host(const sc_core::sc_module_name& name, const sc_core::sc_event& ended)
      : sc_module(name), socket("socket"), ended_(ended) {
    SC_HAS_PROCESS(Host);
    SC_THREAD(run);
  }

 private:
  void run() {
    wait(ns(777));
    std::uint32_t one = 1;
    transport(tlm::TLM_WRITE_COMMAND, start_register, one);
    wait(ns(3000));
    std::uint32_t word = 0x12345678;
    transport(tlm::TLM_WRITE_COMMAND, window + (60u << 10), word);
    wait(ended_);
    transport(tlm::TLM_READ_COMMAND, window + (60u << 10), read_back);
  }
  void transport(tlm::tlm_command command, std::uint64_t address, std::uint32_t& word) {
    Payload payload;
    payload.set_command(command);
    payload.set_address(address);
    payload.set_data_ptr(reinterpret_cast<unsigned char*>(&word));
    payload.set_data_length(4);
    payload.set_streaming_width(4);
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    socket->b_transport(payload, delay);
    EXPECT_TRUE(payload.is_response_ok());
  }
  const sc_core::sc_event& ended_;
};

class OwnMemory : public testing::TestWithParam<const char*> {};

/// A device in a platform, with a memory of the platform's behind it, where SystemC ticks in nanoseconds: the values
/// are those of the device alone with our memory.
TEST_P(OwnMemory, UnderADeviceInAPlatform) {
  sc_core::sc_set_time_resolution(1, sc_core::SC_NS);
  device::Registry registry;
  models::register_architectures(registry);
  const auto ours = experiment::prepare(registry, GetParam(), "linear", {"workload.steps=5"});
  const auto expected = experiment::run_in_children(
                            {{"alone", [&] { return ours.machine.device->run(*ours.program, ours.job, {}); }}}, false)
                            .at(0);

  std::unique_ptr<Target> memory;
  memory::tlm::provide([&](const std::string&, memory::tlm::Socket& socket) {
    memory = std::make_unique<Target>("own");
    memory->bytes.resize(64 << 20);
    socket.bind(memory->socket);
  });
  const auto ready =
      experiment::prepare(registry, GetParam(), "linear",
                          {"workload.steps=5", "device.memory.preset=tlm", "device.memory.tlm.protocol=non-blocking"});
  Accelerator accelerator("accelerator", *ready.machine.device, *ready.program, ready.job, {.run = {.check = true}});
  memory->forward = [](Target& self, Payload& payload, tlm::tlm_phase& phase, sc_core::sc_time& delay) {
    if (phase == tlm::END_RESP) return tlm::TLM_ACCEPTED;
    access(self.bytes, payload);
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
    self.later(payload, tlm::BEGIN_RESP, delay + ns(33));
    phase = tlm::END_REQ;
    delay += ns(3);
    return tlm::TLM_UPDATED;
  };
  memory->due = [](Target& self, Payload& payload, const tlm::tlm_phase& phase) { self.backward(payload, phase); };
  Host host("host", accelerator.ended());
  host.socket.bind(accelerator.socket);
  sc_core::sc_start();
  ASSERT_EQ(accelerator.status(), Status::done) << accelerator.fault();
  EXPECT_EQ(accelerator.result().loss, expected.loss);
  for (const auto& [name, tensor] : expected.weights) {
    EXPECT_EQ(accelerator.result().weights.at(name).bytes, tensor.bytes);
    const auto place = accelerator.find(name).value();
    EXPECT_EQ(std::memcmp(&memory->bytes[place.address - window], tensor.bytes.data(), tensor.bytes.size()), 0);
  }
  EXPECT_EQ(host.read_back, 0x12345678u);
  std::uint32_t word = 0;
  std::memcpy(&word, &memory->bytes[60 << 10], 4);
  EXPECT_EQ(word, 0x12345678u);  // what a host writes through the window is in the user's memory too
}

// The A100 writes the lines that its L2 holds back at the end.
INSTANTIATE_TEST_SUITE_P(Architectures, OwnMemory, testing::Values("tpu/tiny", "gpu/tiny", "gpu/a100", "asic/tiny"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, '/', '_');
                           return name;
                         });

}  // namespace
}  // namespace triad::platform
