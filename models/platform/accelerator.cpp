#include "models/platform/accelerator.hpp"

#include <algorithm>
#include <cstring>

namespace triad::platform {

Accelerator::Accelerator(const sc_core::sc_module_name& name, const device::Device& device,
                         const device::Program& program, const device::Job& job, const Options& options)
    : sc_module(name),
      socket("socket"),
      interrupt("interrupt"),
      job_(job),
      latency_(options.latency),
      session_(device.elaborate(program, job, options.run)) {
  socket.register_b_transport(this, &Accelerator::b_transport);
  socket.register_transport_dbg(this, &Accelerator::transport_dbg);
  SC_HAS_PROCESS(Accelerator);
  SC_METHOD(drive_interrupt);  // one process drives the signal, whoever changes it
  sensitive << interrupt_changed_;
  dont_initialize();
}

void Accelerator::b_transport(Payload& payload, sc_core::sc_time& delay) {
  if (delay != sc_core::SC_ZERO_TIME) sc_core::wait(delay);
  payload.set_response_status(access(payload));
  delay = latency_;
}

/// No time passes and nothing starts: registers are read only.
unsigned Accelerator::transport_dbg(Payload& payload) {
  const bool changes_register = payload.get_address() < window && payload.is_write();
  const auto response = changes_register ? tlm::TLM_COMMAND_ERROR_RESPONSE : access(payload);
  payload.set_response_status(response);
  return response == tlm::TLM_OK_RESPONSE ? payload.get_data_length() : 0;
}

tlm::tlm_response_status Accelerator::access(Payload& payload) {
  if (payload.is_dmi_allowed()) payload.set_dmi_allowed(false);
  if (payload.get_streaming_width() < payload.get_data_length()) return tlm::TLM_BURST_ERROR_RESPONSE;
  if (payload.get_command() == tlm::TLM_IGNORE_COMMAND) return tlm::TLM_OK_RESPONSE;
  return payload.get_address() < window ? access_register(payload) : access_memory(payload);
}

tlm::tlm_response_status Accelerator::access_register(Payload& payload) {
  const std::uint64_t address = payload.get_address();
  const unsigned bytes = payload.get_data_length();
  if (payload.get_byte_enable_ptr() != nullptr) return tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE;
  if (bytes != 4 && bytes != 8) return tlm::TLM_BURST_ERROR_RESPONSE;
  if (address % bytes != 0 || address + bytes > registers_end) return tlm::TLM_ADDRESS_ERROR_RESPONSE;
  if (payload.is_read()) {
    const std::uint32_t words[2] = {read_register(address), bytes == 8 ? read_register(address + 4) : 0};
    std::memcpy(payload.get_data_ptr(), words, bytes);
    return tlm::TLM_OK_RESPONSE;
  }
  std::uint32_t value = 0;
  std::memcpy(&value, payload.get_data_ptr(), sizeof value);
  if (bytes != 4 || value != 1) return tlm::TLM_COMMAND_ERROR_RESPONSE;
  if (address == interrupt_register) {
    set_interrupt(false);
    return tlm::TLM_OK_RESPONSE;
  }
  if (address != start_register || status_ != Status::ready) return tlm::TLM_COMMAND_ERROR_RESPONSE;
  start();
  return tlm::TLM_OK_RESPONSE;
}

std::uint32_t Accelerator::read_register(std::uint64_t address) const {
  const auto half = [&](std::uint64_t value) {
    return static_cast<std::uint32_t>(address % 8 == 0 ? value : value >> 32);
  };
  const auto loss = [&] {
    const auto place = session_->loss();
    return place ? window + place->address : 0;
  };
  switch (address / 8 * 8) {
    case start_register:
      return address == status_register ? static_cast<std::uint32_t>(status_) : status_ == Status::ready ? 0 : 1;
    case cycles_register:
      return half(session_->cycles());
    case steps_register:
      return static_cast<std::uint32_t>(address == steps_register ? session_->steps_done() : job_.steps);
    case interrupt_register:
      return address == interrupt_register && raised_ ? 1 : 0;
    case loss_register:
      return half(loss());
    default:
      return half(session_->memory_bytes());
  }
}

tlm::tlm_response_status Accelerator::access_memory(Payload& payload) {
  const std::uint64_t address = payload.get_address() - window, bytes = payload.get_data_length();
  if (address > session_->memory_bytes() || bytes > session_->memory_bytes() - address) {
    return tlm::TLM_ADDRESS_ERROR_RESPONSE;
  }
  const auto* enable = payload.get_byte_enable_ptr();
  auto* data = reinterpret_cast<std::byte*>(payload.get_data_ptr());
  const auto move = [&](std::uint64_t offset, std::uint64_t count) {
    if (payload.is_write()) return session_->write_memory(address + offset, data + offset, count);
    session_->read_memory(address + offset, data + offset, count);
  };
  if (enable == nullptr) {
    move(0, bytes);
  } else {
    for (std::uint64_t i = 0; i < bytes; ++i) {
      if (enable[i % payload.get_byte_enable_length()] == TLM_BYTE_ENABLED) move(i, 1);
    }
  }
  return tlm::TLM_OK_RESPONSE;
}

void Accelerator::start() {
  status_ = Status::running;
  session_->start([this] { end(); });
}

void Accelerator::end() {
  try {
    result_ = session_->finish();
    status_ = Status::done;
  } catch (const std::exception& error) {
    fault_ = error.what();
    status_ = Status::fault;
  }
  ended_.notify();
  set_interrupt(true);
}

void Accelerator::set_interrupt(bool raised) {
  raised_ = raised;
  interrupt_changed_.notify(sc_core::SC_ZERO_TIME);
}

void Accelerator::drive_interrupt() {
  if (interrupt.size() > 0) interrupt->write(raised_);
}

std::optional<device::Place> Accelerator::find(const std::string& tensor) const {
  auto place = session_->find(tensor);
  if (place) place->address += window;
  return place;
}

}  // namespace triad::platform
