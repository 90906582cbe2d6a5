// A platform of one's own with an accelerator of Triad in it: a processor starts a training run by writing a register,
// sleeps until the interrupt, and reads the losses from the accelerator's memory.
//
//     platform tpu/tiny workloads/linear [device.vpu.lanes=8 | workload.steps=5 ...]
#include <tlm_utils/simple_initiator_socket.h>

#include <cstdio>
#include <exception>

#include "models/architectures.hpp"
#include "models/platform/accelerator.hpp"
#include "sim/experiment/experiment.hpp"

namespace {

using namespace sc_core;
using triad::platform::Accelerator;

/// A processor, as far as the accelerator sees one.
class Cpu : public sc_module {
 public:
  tlm_utils::simple_initiator_socket<Cpu> bus;
  sc_in<bool> interrupt;

  explicit Cpu(const sc_module_name& name) : sc_module(name), bus("bus"), interrupt("interrupt") {
    SC_HAS_PROCESS(Cpu);
    SC_THREAD(program);
  }

 private:
  void program() {
    wait(1234, SC_NS);  // boots
    store(triad::platform::start_register, 1);
    do {
      wait(interrupt.posedge_event());
    } while (!interrupt.read());
    store(triad::platform::interrupt_register, 1);
    if (load<std::uint32_t>(triad::platform::status_register) != 2) throw std::runtime_error("the accelerator failed");

    const auto steps = load<std::uint32_t>(triad::platform::all_steps_register);
    const auto losses = load<std::uint64_t>(triad::platform::loss_register);
    for (std::uint32_t step = 0; step < steps; ++step) {
      std::printf("loss %.9g\n", static_cast<double>(load<float>(losses + 4 * step)));
    }
    std::printf("cycles %llu\n",
                static_cast<unsigned long long>(load<std::uint64_t>(triad::platform::cycles_register)));
    sc_stop();
  }

  template <class T>
  T load(std::uint64_t address) {
    T value{};
    transport(tlm::TLM_READ_COMMAND, address, &value, sizeof value);
    return value;
  }
  void store(std::uint64_t address, std::uint32_t value) {
    transport(tlm::TLM_WRITE_COMMAND, address, &value, sizeof value);
  }
  void transport(tlm::tlm_command command, std::uint64_t address, void* data, unsigned bytes) {
    tlm::tlm_generic_payload payload;
    payload.set_command(command);
    payload.set_address(address);
    payload.set_data_ptr(static_cast<unsigned char*>(data));
    payload.set_data_length(bytes);
    payload.set_streaming_width(bytes);
    sc_time delay(5, SC_NS);  // the way through the bus
    bus->b_transport(payload, delay);
    wait(delay);
    if (payload.is_response_error()) throw std::runtime_error("the bus answers " + payload.get_response_string());
  }
};

/// Something else that goes on in the platform.
SC_MODULE(Blinker) {
  sc_in<bool> clock;
  unsigned blinks = 0;
  SC_CTOR(Blinker) : clock("clock") {
    SC_METHOD(blink);
    sensitive << clock.pos();
    dont_initialize();
  }
  void blink() {
    ++blinks;
  }
};

}  // namespace

int sc_main(int argc, char* argv[]) try {
  if (argc < 3) throw std::runtime_error("platform DEVICE WORKLOAD [SETTING ...]");
  triad::device::Registry registry;
  triad::models::register_architectures(registry);
  const auto ready = triad::experiment::prepare(registry, argv[1], argv[2], {argv + 3, argv + argc});

  sc_set_time_resolution(100, SC_PS);
  Cpu cpu("cpu");
  Accelerator accelerator("accelerator", *ready.machine.device, *ready.program, ready.job,
                          {.run = {.check = true}, .latency = sc_time(20, SC_NS)});
  sc_signal<bool> interrupt("interrupt");
  sc_clock clock("clock", 10, SC_NS);
  Blinker blinker("blinker");
  cpu.bus.bind(accelerator.socket);
  cpu.interrupt(interrupt);
  accelerator.interrupt(interrupt);
  blinker.clock(clock);
  sc_start();
  return blinker.blinks == 0 ? 1 : 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
