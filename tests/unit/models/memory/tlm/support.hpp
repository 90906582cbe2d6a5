#pragma once
#include <gtest/gtest.h>
#include <tlm_utils/peq_with_cb_and_phase.h>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "models/kit/simulation.hpp"
#include "models/memory/memory.hpp"
#include "models/memory/tlm/provider.hpp"
#include "sim/device/device.hpp"

/// What the tests of TLM-2.0 memories share: a front with nobody but the test before it, a memory that does what the
/// test says behind it, and between them a watch that holds both to the base protocol.
namespace triad::memory::tlm::test {

using Payload = ::tlm::tlm_generic_payload;
using sc_core::sc_time;

inline sc_time ns(double n) {
  return sc_time(n, sc_core::SC_NS);
}

/// Copies a transaction's bytes as its byte enables say.
inline void access(std::vector<unsigned char>& memory, Payload& payload) {
  for (unsigned i = 0; i < payload.get_data_length(); ++i) {
    const unsigned char* enable = payload.get_byte_enable_ptr();
    if (enable != nullptr && enable[i % payload.get_byte_enable_length()] != TLM_BYTE_ENABLED) continue;
    unsigned char &ours = memory.at(payload.get_address() + i), &theirs = payload.get_data_ptr()[i];
    (payload.is_write() ? ours : theirs) = payload.is_write() ? theirs : ours;
  }
}

/// Passes everything on and asserts the rules of IEEE 1666-2011, 15 and 16.2, for both sides.
class Watch : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<Watch> in;
  tlm_utils::simple_initiator_socket<Watch> out;
  int begun = 0, most = 0;      ///< transactions: all, and at a time
  std::vector<sc_time> begins;  ///< when they begin

  explicit Watch(const sc_core::sc_module_name& name) : sc_module(name), in("in"), out("out") {
    in.register_b_transport(this, &Watch::b_transport);
    in.register_nb_transport_fw(this, &Watch::nb_transport_fw);
    in.register_transport_dbg(this, &Watch::transport_dbg);
    out.register_nb_transport_bw(this, &Watch::nb_transport_bw);
  }
  bool idle() const { return phases_.empty() && requesting_ == nullptr && responding_ == nullptr; }

 private:
  void begin(const Payload& payload) {
    begins.push_back(sc_core::sc_time_stamp());
    EXPECT_NE(payload.get_data_ptr(), nullptr);
    EXPECT_GT(payload.get_data_length(), 0u);
    EXPECT_GE(payload.get_streaming_width(), payload.get_data_length());
    EXPECT_EQ(payload.get_response_status(), ::tlm::TLM_INCOMPLETE_RESPONSE);
    EXPECT_FALSE(payload.is_dmi_allowed());
    EXPECT_NE(payload.get_command(), ::tlm::TLM_IGNORE_COMMAND);
    ++begun;
  }
  void b_transport(Payload& payload, sc_time& delay) {
    begin(payload);
    most = std::max(most, ++at_once_);
    out->b_transport(payload, delay);
    --at_once_;
  }
  unsigned transport_dbg(Payload& payload) { return out->transport_dbg(payload); }

  ::tlm::tlm_sync_enum nb_transport_fw(Payload& payload, ::tlm::tlm_phase& phase, sc_time& delay) {
    if (phase == ::tlm::END_RESP) {
      EXPECT_EQ(responding_, &payload);
      EXPECT_GE(sc_core::sc_time_stamp() + delay, responds_) << "END_RESP before BEGIN_RESP takes effect";
      responding_ = nullptr;
      phases_.erase(&payload);
      return out->nb_transport_fw(payload, phase, delay);
    }
    EXPECT_EQ(phase, ::tlm::BEGIN_REQ);
    begin(payload);
    EXPECT_TRUE(payload.has_mm());
    EXPECT_GE(payload.get_ref_count(), 1);
    EXPECT_EQ(requesting_, nullptr) << "BEGIN_REQ before END_REQ of the last one";
    EXPECT_GE(sc_core::sc_time_stamp() + delay, free_) << "BEGIN_REQ before END_REQ has taken effect";
    EXPECT_FALSE(phases_.contains(&payload)) << "a payload twice";
    requesting_ = &payload;
    phases_[&payload] = ::tlm::BEGIN_REQ;
    most = std::max(most, static_cast<int>(phases_.size()));
    const auto back = out->nb_transport_fw(payload, phase, delay);
    if (back == ::tlm::TLM_UPDATED) backward(payload, phase, delay);
    if (back == ::tlm::TLM_COMPLETED) {
      request_ends(payload, delay);
      phases_.erase(&payload);
    }
    return back;
  }
  ::tlm::tlm_sync_enum nb_transport_bw(Payload& payload, ::tlm::tlm_phase& phase, sc_time& delay) {
    backward(payload, phase, delay);
    const auto back = in->nb_transport_bw(payload, phase, delay);
    EXPECT_EQ(back, ::tlm::TLM_ACCEPTED);
    return back;
  }
  void backward(Payload& payload, const ::tlm::tlm_phase& phase, const sc_time& delay) {
    if (phase == ::tlm::END_REQ || requesting_ == &payload) request_ends(payload, delay);
    if (phase != ::tlm::BEGIN_RESP) return;
    responding_ = &payload;
    responds_ = sc_core::sc_time_stamp() + delay;
  }
  void request_ends(Payload& payload, const sc_time& delay) {
    if (requesting_ == &payload) requesting_ = nullptr;
    free_ = sc_core::sc_time_stamp() + delay;
  }

  int at_once_ = 0;
  std::map<const Payload*, ::tlm::tlm_phase> phases_;  ///< under way
  const Payload *requesting_ = nullptr, *responding_ = nullptr;
  sc_time free_, responds_;
};

/// A memory with the test's own callbacks.
class Target : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<Target> socket;
  std::vector<unsigned char> bytes = std::vector<unsigned char>(1 << 20);
  std::function<void(Target&, Payload&, sc_time&)> blocking;
  std::function<::tlm::tlm_sync_enum(Target&, Payload&, ::tlm::tlm_phase&, sc_time&)> forward;
  std::function<void(Target&, Payload&, const ::tlm::tlm_phase&)> due;  ///< what `later` asked for
  std::function<unsigned(Target&, Payload&)> debug = [](Target& self, Payload& payload) {
    access(self.bytes, payload);
    return payload.get_data_length();
  };

  explicit Target(const sc_core::sc_module_name& name)
      : sc_module(name), socket("socket"), later_(this, &Target::call_due) {
    socket.register_b_transport(this, &Target::b_transport);
    socket.register_nb_transport_fw(this, &Target::nb_transport_fw);
    socket.register_transport_dbg(this, &Target::transport_dbg);
  }
  void later(Payload& payload, const ::tlm::tlm_phase& phase, const sc_time& in) { later_.notify(payload, phase, in); }
  void backward(Payload& payload, ::tlm::tlm_phase phase, sc_time delay = sc_core::SC_ZERO_TIME) {
    socket->nb_transport_bw(payload, phase, delay);
  }

 private:
  void b_transport(Payload& payload, sc_time& delay) { blocking(*this, payload, delay); }
  ::tlm::tlm_sync_enum nb_transport_fw(Payload& payload, ::tlm::tlm_phase& phase, sc_time& delay) {
    return forward(*this, payload, phase, delay);
  }
  unsigned transport_dbg(Payload& payload) { return debug(*this, payload); }
  void call_due(Payload& payload, const ::tlm::tlm_phase& phase) { due(*this, payload, phase); }
  tlm_utils::peq_with_cb_and_phase<Target> later_;
};

/// A front at 1 GHz with 20 ns of path (10 ns there, 10 ns back) and a Target behind a Watch.
struct Bench {
  activity::Technology technology{
      config::parse("node: x\nactions: {bit: {energy: 2 pJ, source: x}}\n"
                    "sram: [{size: 8 KiB, energy_per_byte: 1 pJ, source: x}]")};
  activity::Recorder recorder{1'000'000'000, 0};
  std::unique_ptr<Watch> watch;
  std::unique_ptr<Target> target;
  std::unique_ptr<Memory> memory;
  std::map<std::string, Completion> done;

  explicit Bench(Protocol protocol, int outstanding = 4, std::uint64_t burst = 64, bool data = true) {
    memory::Parameters p;
    p.kind = Kind::tlm;
    p.clock_hz = 1'000'000'000;
    p.bandwidth = 4e9;
    p.latency = 20e-9;
    p.credits = 1000;
    p.capacity = 1 << 20;
    p.energy = "bit";
    p.tlm = {protocol, burst, outstanding, data};
    provide([this](const std::string&, Socket& socket) {
      watch = std::make_unique<Watch>("watch");
      target = std::make_unique<Target>("target");
      socket.bind(watch->in);
      watch->out.bind(target->socket);
    });
    memory = std::make_unique<Memory>("memory", p, recorder, technology, true);
  }
  void accept(const std::string& name, const Request& request) {
    memory->accept(request, [this, name](const Completion& completion) { done[name] = completion; });
  }
  void run() {
    kit::simulate({memory.get()}, memory->clock(), {}, [this] { return memory->waits_for().empty(); });
    memory->finish(kit::now());
    recorder.finish(kit::now());
    EXPECT_TRUE(watch->idle());
  }
  /// What ends the run.
  std::string fault() {
    try {
      kit::simulate({memory.get()}, memory->clock(), {}, [this] { return memory->waits_for().empty(); });
    } catch (const device::Fault& fault) {
      return fault.what();
    }
    return "none";
  }
};

}  // namespace triad::memory::tlm::test
