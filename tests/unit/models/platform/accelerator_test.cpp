#include "models/platform/accelerator.hpp"

#include <gtest/gtest.h>
#include <tlm_utils/simple_initiator_socket.h>

#include <cstring>
#include <functional>
#include <vector>

#include "models/architectures.hpp"
#include "sim/experiment/children.hpp"
#include "sim/experiment/experiment.hpp"

namespace triad::platform {
namespace {

using namespace sc_core;

experiment::Ready ready(const std::string& device, const std::vector<std::string>& set = {"workload.steps=3"}) {
  static device::Registry registry;
  if (registry.all().empty()) models::register_architectures(registry);
  return experiment::prepare(registry, device, "linear", set);
}

device::RunResult alone(const experiment::Ready& ready) {
  return experiment::run_in_children(
             {{"alone", [&] { return ready.machine.device->run(*ready.program, ready.job, {}); }}}, false)
      .at(0);
}

/// An initiator thread that runs what a test says.
class Host : public sc_module {
 public:
  tlm_utils::simple_initiator_socket<Host> socket;
  Host(const sc_module_name& name, std::function<void(Host&)> program)
      : sc_module(name), socket("socket"), program_(std::move(program)) {
    SC_HAS_PROCESS(Host);
    SC_THREAD(run);
  }
  bool ran = false;

  /// One blocking transport: response, and the time that it took, with the delay that came back.
  struct Outcome {
    tlm::tlm_response_status response;
    sc_time took;
  };
  Outcome transport(tlm::tlm_command command, std::uint64_t address, void* data, unsigned bytes,
                    sc_time delay = SC_ZERO_TIME, const std::function<void(tlm::tlm_generic_payload&)>& change = {}) {
    tlm::tlm_generic_payload payload;
    payload.set_command(command);
    payload.set_address(address);
    payload.set_data_ptr(static_cast<unsigned char*>(data));
    payload.set_data_length(bytes);
    payload.set_streaming_width(bytes);
    if (change) change(payload);
    const sc_time begin = sc_time_stamp();
    socket->b_transport(payload, delay);
    return {payload.get_response_status(), sc_time_stamp() - begin + delay};
  }
  template <class T>
  T load(std::uint64_t address) {
    T value{};
    EXPECT_EQ(transport(tlm::TLM_READ_COMMAND, address, &value, sizeof value).response, tlm::TLM_OK_RESPONSE);
    return value;
  }
  tlm::tlm_response_status store(std::uint64_t address, std::uint32_t value) {
    return transport(tlm::TLM_WRITE_COMMAND, address, &value, sizeof value).response;
  }

 private:
  void run() {
    program_(*this);
    ran = true;
  }
  std::function<void(Host&)> program_;
};

Status status(Host& host) {
  return static_cast<Status>(host.load<std::uint32_t>(status_register));
}

TEST(Accelerator, RunsItsJobFromTheMomentOfStart) {
  const auto run = ready("tpu/tiny");
  const device::RunResult expected = alone(run);
  Accelerator accelerator("accelerator", *run.machine.device, *run.program, run.job);
  sc_signal<bool> interrupt("interrupt");
  accelerator.interrupt(interrupt);
  Host host("host", [&](Host& self) {
    wait(sc_time(777.7, SC_NS));
    EXPECT_EQ(status(self), Status::ready);
    EXPECT_EQ(self.load<std::uint64_t>(cycles_register), 0u);
    EXPECT_EQ(self.load<std::uint32_t>(all_steps_register), 3u);
    const sc_time begin = sc_time_stamp();
    EXPECT_EQ(self.store(start_register, 1), tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(status(self), Status::running);
    wait(sc_time(100, SC_NS));
    EXPECT_EQ(self.load<std::uint64_t>(cycles_register), 50u);  // at 500 MHz
    EXPECT_EQ(self.store(start_register, 1), tlm::TLM_COMMAND_ERROR_RESPONSE);
    wait(interrupt.posedge_event());
    // The last edge of the run, rounded up to SystemC's picosecond: 2 ns a cycle leave nothing to round.
    EXPECT_EQ(sc_time_stamp() - begin, sc_time(2.0 * static_cast<double>(expected.cycles), SC_NS));
    EXPECT_EQ(status(self), Status::done);
    EXPECT_EQ(self.load<std::uint64_t>(cycles_register), expected.cycles);
    EXPECT_EQ(self.load<std::uint32_t>(steps_register), 3u);
    EXPECT_EQ(self.load<std::uint32_t>(interrupt_register), 1u);
    EXPECT_EQ(self.store(interrupt_register, 1), tlm::TLM_OK_RESPONSE);
    wait(SC_ZERO_TIME);
    wait(SC_ZERO_TIME);
    EXPECT_FALSE(interrupt.read());
    EXPECT_EQ(self.store(start_register, 1), tlm::TLM_COMMAND_ERROR_RESPONSE);  // it runs its job once
  });
  host.socket.bind(accelerator.socket);
  sc_start();
  ASSERT_TRUE(host.ran);
  EXPECT_EQ(accelerator.result().loss, expected.loss);
  EXPECT_EQ(accelerator.result().units.size(), expected.units.size());
  EXPECT_EQ(accelerator.result().energy_joules, expected.energy_joules);
}

/// Three machines in one simulation that begin at different times: each does what it does alone.
TEST(Accelerator, StandsBesideOthers) {
  std::vector<experiment::Ready> runs;
  std::vector<device::RunResult> expected;
  for (const char* device : {"tpu/tiny", "gpu/tiny", "asic/tiny"}) {
    runs.push_back(ready(device));
    expected.push_back(alone(runs.back()));
  }
  std::vector<std::unique_ptr<Accelerator>> accelerators;
  std::vector<std::unique_ptr<Host>> hosts;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto& run = runs[i];
    accelerators.push_back(std::make_unique<Accelerator>(("accelerator" + std::to_string(i)).c_str(),
                                                         *run.machine.device, *run.program, run.job));
    hosts.push_back(std::make_unique<Host>(("host" + std::to_string(i)).c_str(), [i](Host& self) {
      wait(sc_time(333.333 * static_cast<double>(i), SC_NS));
      self.store(start_register, 1);
    }));
    hosts.back()->socket.bind(accelerators.back()->socket);
  }
  sc_start();
  for (std::size_t i = 0; i < runs.size(); ++i) {
    ASSERT_EQ(accelerators[i]->status(), Status::done) << accelerators[i]->fault();
    EXPECT_EQ(accelerators[i]->result().cycles, expected[i].cycles);
    EXPECT_EQ(accelerators[i]->result().loss, expected[i].loss);
    EXPECT_EQ(accelerators[i]->result().weights.at("fc.weight").bytes, expected[i].weights.at("fc.weight").bytes);
  }
}

/// What the platform writes before the start is what the device trains on; what the device has written can be read.
TEST(Accelerator, SharesItsMemory) {
  const auto run = ready("asic/tiny", {"workload.steps=1", "workload.optimizer.learning_rate=0.5"});
  Accelerator accelerator("accelerator", *run.machine.device, *run.program, run.job);
  const auto weight = accelerator.find("fc.weight"), bias = accelerator.find("fc.bias");
  ASSERT_TRUE(weight && bias);
  EXPECT_EQ(weight->bytes, 40u);
  EXPECT_FALSE(accelerator.find("fc.wait"));
  Host host("host", [&](Host& self) {
    std::vector<float> zeros(10), after(10);
    const float one = 1;
    EXPECT_EQ(self.transport(tlm::TLM_WRITE_COMMAND, weight->address, zeros.data(), 40).response, tlm::TLM_OK_RESPONSE);
    tlm::tlm_generic_payload debug;  // the same without time
    debug.set_command(tlm::TLM_WRITE_COMMAND);
    debug.set_address(bias->address);
    debug.set_data_ptr(reinterpret_cast<unsigned char*>(const_cast<float*>(&one)));
    debug.set_data_length(4);
    debug.set_streaming_width(4);
    EXPECT_EQ(self.socket->transport_dbg(debug), 4u);
    EXPECT_EQ(self.load<float>(bias->address), 1.0f);
    self.store(start_register, 1);
    wait(accelerator.ended());
    const auto losses = self.load<std::uint64_t>(loss_register);
    // The model says 1 to every sample: the loss is the mean of (1 - y)^2.
    double expected = 0;
    for (const auto& [id, batches] : run.job.batches) {
      const auto values = batches.at(0).floats();
      if (values.size() != 32) continue;  // x has 320
      for (const float y : values) expected += (1.0 - y) * (1.0 - y) / 32;
    }
    EXPECT_NEAR(self.load<float>(losses), expected, 1e-5 * expected);
    EXPECT_EQ(self.transport(tlm::TLM_READ_COMMAND, weight->address, after.data(), 40).response, tlm::TLM_OK_RESPONSE);
    EXPECT_NE(after, zeros);
    EXPECT_EQ(std::memcmp(after.data(), accelerator.result().weights.at("fc.weight").bytes.data(), 40), 0);
    // Every second byte.
    unsigned char bytes[4] = {1, 2, 3, 4}, enable[2] = {0, 0xff};
    self.transport(tlm::TLM_WRITE_COMMAND, bias->address, bytes, 4, SC_ZERO_TIME, [&](auto& payload) {
      payload.set_byte_enable_ptr(enable);
      payload.set_byte_enable_length(2);
    });
    std::uint32_t was = 0;
    std::memcpy(&was, accelerator.result().weights.at("fc.bias").bytes.data(), 4);
    EXPECT_EQ(self.load<std::uint32_t>(bias->address), (was & 0x00ff00ff) | 0x04000200u);
  });
  host.socket.bind(accelerator.socket);
  sc_start();
  EXPECT_TRUE(host.ran);
}

TEST(Accelerator, RefusesWhatItDoesNotHave) {
  const auto run = ready("tpu/tiny");
  Accelerator accelerator("accelerator", *run.machine.device, *run.program, run.job);
  Host host("host", [&](Host& self) {
    unsigned char data[16] = {1};
    const auto read = [&](std::uint64_t address, unsigned bytes, auto... change) {
      return self.transport(tlm::TLM_READ_COMMAND, address, data, bytes, SC_ZERO_TIME, change...).response;
    };
    EXPECT_EQ(read(0x02, 4), tlm::TLM_ADDRESS_ERROR_RESPONSE);
    EXPECT_EQ(read(0x2c, 8), tlm::TLM_ADDRESS_ERROR_RESPONSE);
    EXPECT_EQ(read(registers_end, 4), tlm::TLM_ADDRESS_ERROR_RESPONSE);
    EXPECT_EQ(read(0, 2), tlm::TLM_BURST_ERROR_RESPONSE);
    EXPECT_EQ(read(window, 16, [](auto& payload) { payload.set_streaming_width(4); }), tlm::TLM_BURST_ERROR_RESPONSE);
    EXPECT_EQ(read(0, 4, [&](auto& payload) { payload.set_byte_enable_ptr(data); }),
              tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE);
    EXPECT_EQ(self.load<std::uint64_t>(capacity_register), 64u << 20);
    EXPECT_EQ(read(window + (64u << 20) - 16, 16), tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(read(window + (64u << 20) - 15, 16), tlm::TLM_ADDRESS_ERROR_RESPONSE);
    EXPECT_EQ(read(~std::uint64_t{0}, 16), tlm::TLM_ADDRESS_ERROR_RESPONSE);
    EXPECT_EQ(self.store(status_register, 1), tlm::TLM_COMMAND_ERROR_RESPONSE);
    EXPECT_EQ(self.store(start_register, 2), tlm::TLM_COMMAND_ERROR_RESPONSE);
    tlm::tlm_generic_payload debug;
    const std::uint32_t one = 1;
    debug.set_command(tlm::TLM_WRITE_COMMAND);
    debug.set_address(start_register);
    debug.set_data_ptr(reinterpret_cast<unsigned char*>(const_cast<std::uint32_t*>(&one)));
    debug.set_data_length(4);
    debug.set_streaming_width(4);
    EXPECT_EQ(self.socket->transport_dbg(debug), 0u);
    EXPECT_EQ(status(self), Status::ready);
    tlm::tlm_dmi dmi;
    EXPECT_FALSE(self.socket->get_direct_mem_ptr(debug, dmi));
  });
  host.socket.bind(accelerator.socket);
  sc_start();
  EXPECT_TRUE(host.ran);
}

TEST(Accelerator, TakesTheAnnotatedDelayAndItsOwnLatency) {
  const auto run = ready("tpu/tiny");
  Accelerator accelerator("accelerator", *run.machine.device, *run.program, run.job,
                          {.run = {}, .latency = sc_time(20, SC_NS)});
  Host host("host", [&](Host& self) {
    std::uint32_t value = 0;
    EXPECT_EQ(self.transport(tlm::TLM_READ_COMMAND, status_register, &value, 4, sc_time(30, SC_NS)).took,
              sc_time(50, SC_NS));
    EXPECT_EQ(sc_time_stamp(), sc_time(30, SC_NS));  // the latency is annotated, not waited for
  });
  host.socket.bind(accelerator.socket);
  sc_start();
  EXPECT_TRUE(host.ran);
}

/// An initiator that speaks the non-blocking protocol: the socket turns it into b_transport.
TEST(Accelerator, AnswersNonBlockingTransport) {
  const auto run = ready("tpu/tiny");
  Accelerator accelerator("accelerator", *run.machine.device, *run.program, run.job,
                          {.run = {}, .latency = sc_time(20, SC_NS)});
  struct Asking : sc_module {
    tlm_utils::simple_initiator_socket<Asking> socket;
    std::vector<std::pair<tlm::tlm_phase, sc_time>> phases;
    explicit Asking(const sc_module_name& name) : sc_module(name), socket("socket") {
      socket.register_nb_transport_bw(this, &Asking::back);
    }
    tlm::tlm_sync_enum back(tlm::tlm_generic_payload&, tlm::tlm_phase& phase, sc_time& delay) {
      phases.emplace_back(phase, sc_time_stamp() + delay);
      return phase == tlm::BEGIN_RESP ? tlm::TLM_COMPLETED : tlm::TLM_ACCEPTED;
    }
  } asking("asking");
  struct Manager : tlm::tlm_mm_interface {
    void free(tlm::tlm_generic_payload*) override {}
  } manager;
  asking.socket.bind(accelerator.socket);
  std::uint32_t steps = 0;
  tlm::tlm_generic_payload payload(&manager);
  payload.acquire();
  payload.set_command(tlm::TLM_READ_COMMAND);
  payload.set_address(all_steps_register);
  payload.set_data_ptr(reinterpret_cast<unsigned char*>(&steps));
  payload.set_data_length(4);
  payload.set_streaming_width(4);
  sc_start(SC_ZERO_TIME);  // elaborates
  tlm::tlm_phase phase = tlm::BEGIN_REQ;
  sc_time delay(10, SC_NS);
  EXPECT_EQ(asking.socket->nb_transport_fw(payload, phase, delay), tlm::TLM_ACCEPTED);
  sc_start();
  EXPECT_EQ(steps, 3u);
  EXPECT_TRUE(payload.is_response_ok());
  ASSERT_FALSE(asking.phases.empty());
  EXPECT_EQ(asking.phases.back(), std::pair(tlm::tlm_phase(tlm::BEGIN_RESP), sc_time(30, SC_NS)));
}

TEST(Accelerator, AFaultEndsTheRunAndSaysWhy) {
  const auto run = ready("gpu/tiny");
  Accelerator accelerator("accelerator", *run.machine.device, *run.program, run.job,
                          {.run = {.check = true, .max_cycles = 100}});
  Host host("host", [&](Host& self) {
    self.store(start_register, 1);
    wait(accelerator.ended());
    EXPECT_EQ(status(self), Status::fault);
  });
  host.socket.bind(accelerator.socket);
  sc_start();
  EXPECT_TRUE(host.ran);
  EXPECT_EQ(accelerator.fault(), "stopped after 100 cycles (--max-cycles) with work outstanding");
}

}  // namespace
}  // namespace triad::platform
