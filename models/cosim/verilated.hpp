#pragma once
#include <verilated.h>
#include <verilated_vcd_c.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "models/cosim/twin.hpp"

/// A Verilated model behind the Twin interface. Included by adapters only (they name the pins); nobody else sees
/// Verilator.
namespace triad::cosim {

/// A pin of any width: Verilator keeps it in an unsigned integer or an array of 32-bit words, least significant first.
struct Pin {
  template <class Data>
  Pin(Data& data) : memory(&data), bytes(sizeof data) {}  // NOLINT: implicit on purpose
  void* memory;
  std::size_t bytes;
};
static_assert(std::endian::native == std::endian::little);

struct PinField {
  Field field;
  Pin pin;
};

template <class Model>
class VerilatedTwin : public Twin {
 public:
  const std::vector<Stream>& streams() const override { return streams_; }
  const std::vector<std::string>& events() const override { return event_names_; }
  void drive_reset(bool reset) override { model_.rst_i = reset; }

  void drive(int stream, bool control, const std::uint32_t* payload) override {
    const Pins& pins = pins_[stream];
    if (streams_[stream].direction == Direction::out_of_core) {
      *pins.ready = control;
      return;
    }
    *pins.valid = control;
    for (const auto& [field, pin] : pins.fields) {
      const std::size_t bytes = std::min<std::size_t>(pin.bytes, field.words() * 4);
      if (payload == nullptr) {
        std::memset(pin.memory, 0, pin.bytes);
      } else {
        std::memcpy(pin.memory, payload, bytes);
        payload += field.words();
      }
    }
  }

  void settle() override {
    model_.clk_i = 0;
    model_.eval();
  }
  bool control(int stream) const override {
    const Pins& pins = pins_[stream];
    return streams_[stream].direction == Direction::into_core ? *pins.ready : *pins.valid;
  }
  void payload(int stream, std::uint32_t* words) const override {
    for (const auto& [field, pin] : pins_[stream].fields) {
      words[field.words() - 1] = 0;
      std::memcpy(words, pin.memory, std::min<std::size_t>(pin.bytes, field.words() * 4));
      words += field.words();
    }
  }
  bool event(int event) const override { return *event_pins_[event]; }
  void rise() override {
    model_.clk_i = 1;
    model_.eval();
  }

  void trace(const std::filesystem::path& file) override {
    waveform_ = std::make_unique<VerilatedVcdC>();
    model_.trace(waveform_.get(), 99);
    waveform_->open(file.c_str());
  }
  void dump(std::uint64_t picosecond) override {
    waveform_->dump(picosecond);
    waveform_->flush();
  }

 protected:
  VerilatedTwin() {
    model_.clk_i = 0;
    model_.rst_i = 0;
  }
  void add(const std::string& name, Direction direction, CData& valid, CData& ready,
           const std::vector<PinField>& fields) {
    Stream stream{.name = name, .direction = direction, .fields = {}};
    for (const auto& pin_field : fields) stream.fields.push_back(pin_field.field);
    streams_.push_back(stream);
    pins_.push_back({&valid, &ready, fields});
  }
  void add_event(const std::string& name, CData& pin) {
    event_names_.push_back(name);
    event_pins_.push_back(&pin);
  }

  Model& model() { return model_; }

 private:
  /// Tracing must be switched on before the model exists.
  struct TracedContext : VerilatedContext {
    TracedContext() { traceEverOn(true); }
  };
  struct Pins {
    CData* valid;
    CData* ready;
    std::vector<PinField> fields;
  };
  TracedContext context_;  // one per instance: instances share no state
  Model model_{&context_};
  std::unique_ptr<VerilatedVcdC> waveform_;
  std::vector<Stream> streams_;
  std::vector<Pins> pins_;
  std::vector<std::string> event_names_;
  std::vector<CData*> event_pins_;
};

}  // namespace triad::cosim
