#pragma once
#include <tlm.h>
#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <systemc>

#include "sim/device/device.hpp"

namespace triad::platform {

/// Addresses of the accelerator's registers, 32 bits each (a 64-bit access reaches two). All may be read; a write to
/// any but `start` and `interrupt` is a command error.
enum Register : std::uint64_t {
  start_register = 0x00,      ///< writing 1 starts the run; reads 1 from then on
  status_register = 0x04,     ///< Status
  cycles_register = 0x08,     ///< 64 bits: the run's length so far, in cycles of the device's clock
  steps_register = 0x10,      ///< steps done
  all_steps_register = 0x14,  ///< steps of the job
  interrupt_register = 0x18,  ///< 1 from the run's end until 1 is written
  loss_register = 0x20,       ///< 64 bits: where in the window the loss of step 0 lies; step s at 4 s bytes more; or 0
  capacity_register = 0x28,   ///< 64 bits: bytes of the window
  registers_end = 0x30,
  window = 0x1000,  ///< device memory from its address 0 on
};

enum class Status : std::uint32_t { ready = 0, running = 1, done = 2, fault = 3 };

/// A device of Triad in a user's own SystemC platform: registers and device memory behind a TLM-2.0 target socket, and
/// an interrupt. It runs its job once, from the moment START is written: cycle for cycle what it does alone, whatever
/// else the simulation holds and however coarse its time resolution is.
///
/// Every access takes place at its own local time: b_transport waits for the annotated delay to pass and returns with
/// `Options::latency` as the new one. Device memory is seen as the device has written it by then; the access is not in
/// the way of the device's own. DMI is refused: memory is sparse and changes with the device's time.
class Accelerator : public sc_core::sc_module {
 public:
  struct Options {
    device::RunOptions run = {};                       ///< --check, --max-cycles
    sc_core::sc_time latency = sc_core::SC_ZERO_TIME;  ///< of an access through the socket
  };
  /// Device, program and job, as experiment::prepare makes them, outlive it. Throws what Device::elaborate throws.
  Accelerator(const sc_core::sc_module_name& name, const device::Device& device, const device::Program& program,
              const device::Job& job, const Options& options);
  Accelerator(const sc_core::sc_module_name& name, const device::Device& device, const device::Program& program,
              const device::Job& job)
      : Accelerator(name, device, program, job, Options{}) {}

  /// b_transport, nb_transport (through the socket's own conversion) and transport_dbg.
  tlm_utils::simple_target_socket<Accelerator> socket;
  /// High from the run's end until `interrupt_register` is cleared; may stay unbound.
  sc_core::sc_port<sc_core::sc_signal_inout_if<bool>, 1, sc_core::SC_ZERO_OR_MORE_BOUND> interrupt;

  /// Notified at the run's end.
  const sc_core::sc_event& ended() const { return ended_; }
  Status status() const { return status_; }
  /// What the run reports, once it is done.
  const device::RunResult& result() const { return result_.value(); }
  /// What ended it otherwise: deadlock, hazard, --max-cycles.
  const std::string& fault() const { return fault_; }
  /// Where a tensor lies in the window, for step 0: "fc.weight". Nothing when it does not lie in device memory.
  std::optional<device::Place> find(const std::string& tensor) const;

 private:
  using Payload = tlm::tlm_generic_payload;
  void b_transport(Payload& payload, sc_core::sc_time& delay);
  unsigned transport_dbg(Payload& payload);
  tlm::tlm_response_status access(Payload& payload);
  tlm::tlm_response_status access_register(Payload& payload);
  tlm::tlm_response_status access_memory(Payload& payload);
  std::uint32_t read_register(std::uint64_t address) const;
  void start();
  void end();
  void set_interrupt(bool raised);
  void drive_interrupt();

  const device::Job& job_;
  const sc_core::sc_time latency_;
  std::unique_ptr<device::Session> session_;
  Status status_ = Status::ready;
  bool raised_ = false;
  sc_core::sc_event ended_, interrupt_changed_;
  std::optional<device::RunResult> result_;
  std::string fault_;
};

}  // namespace triad::platform
