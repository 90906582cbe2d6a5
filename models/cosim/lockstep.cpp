#include "models/cosim/lockstep.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace triad::cosim {
namespace {

constexpr std::uint64_t cycles_before = 64;  // in the waveform
constexpr std::size_t history_length = 12;

std::uint64_t lane_of(const std::uint32_t* words, const Field& field, int lane) {
  std::uint64_t value = 0;
  for (int bit = 0; bit < field.lane_bits; ++bit) {
    const int at = lane * field.lane_bits + bit;
    value |= static_cast<std::uint64_t>(words[at / 32] >> (at % 32) & 1u) << bit;
  }
  return value;
}

}  // namespace

int Stream::words() const {
  int words = 0;
  for (const Field& field : fields) words += field.words();
  return words;
}

Mismatch::Mismatch(const std::string& message, std::uint64_t at, std::string on, std::string at_pin, int at_lane,
                   std::uint64_t of_model, std::uint64_t of_rtl, std::filesystem::path written)
    : device::Fault(message),
      cycle(at),
      port(std::move(on)),
      pin(std::move(at_pin)),
      lane(at_lane),
      model(of_model),
      rtl(of_rtl),
      waveform(std::move(written)) {}

struct Lockstep::Difference {
  std::string port, pin;
  int lane;
  std::uint64_t model, rtl;
};

void power_on(Twin& twin) {
  for (std::size_t s = 0; s < twin.streams().size(); ++s) twin.drive(static_cast<int>(s), false, nullptr);
  twin.drive_reset(true);
  for (int cycle = 0; cycle < 2; ++cycle) {
    twin.settle();
    twin.rise();
  }
  twin.drive_reset(false);
}

Lockstep::Lockstep(std::string name, TwinFactory make, std::filesystem::path waveforms)
    : name_(std::move(name)), make_(std::move(make)), waveforms_(std::move(waveforms)), twin_(make_()) {
  power_on(*twin_);
}

void Lockstep::record() {
  if (frames_.empty() || !frames_.back().same(frame_)) frames_.push_back(frame_);
  ++frames_.back().cycles;
}

void Lockstep::drive(Twin& twin, const Frame& frame) const {
  twin.drive_reset(frame.reset);
  const std::uint32_t* words = frame.words.data();
  for (std::size_t s = 0; s < twin.streams().size(); ++s) {
    const Stream& stream = twin.streams()[s];
    const bool control = frame.controls >> s & 1u;
    const bool carries = stream.direction == Direction::into_core && control;
    twin.drive(static_cast<int>(s), control, carries ? words : nullptr);
    if (carries) words += stream.words();
  }
}

void Lockstep::cycle(const std::vector<Pins>& pins, const std::vector<bool>& events) {
  const auto& streams = twin_->streams();
  frame_.reset = false;
  frame_.controls = 0;
  frame_.words.clear();
  for (std::size_t s = 0; s < streams.size(); ++s) {
    const bool source = streams[s].direction == Direction::into_core;
    frame_.controls |= static_cast<std::uint64_t>(source ? pins[s].valid : pins[s].ready) << s;
    if (!source || !pins[s].valid) continue;
    if (pins[s].payload == nullptr) {
      frame_.words.insert(frame_.words.end(), streams[s].words(), 0);
    } else {
      frame_.words.insert(frame_.words.end(), pins[s].payload, pins[s].payload + streams[s].words());
    }
  }
  drive(*twin_, frame_);
  record();
  twin_->settle();

  for (std::size_t s = 0; s < streams.size(); ++s) {
    const Stream& stream = streams[s];
    const bool source = stream.direction == Direction::into_core;
    const bool expected = source ? pins[s].ready : pins[s].valid, found = twin_->control(static_cast<int>(s));
    if (found != expected) report({stream.name, source ? "ready" : "valid", -1, expected, found});
    if (pins[s].valid && pins[s].ready) {
      history_.emplace_back(now_, static_cast<int>(s));
      if (history_.size() > history_length) history_.pop_front();
    }
    if (source || !expected || pins[s].payload == nullptr) continue;
    found_.resize(stream.words());
    twin_->payload(static_cast<int>(s), found_.data());
    const std::uint32_t *model = pins[s].payload, *rtl = found_.data();
    if (std::equal(found_.begin(), found_.end(), model)) continue;
    for (const Field& field : stream.fields) {
      for (int lane = 0; lane < field.lanes; ++lane) {
        const std::uint64_t a = lane_of(model, field, lane), b = lane_of(rtl, field, lane);
        if (a != b) report({stream.name, field.name, lane, a, b});
      }
      model += field.words();
      rtl += field.words();
    }
  }
  for (std::size_t e = 0; e < events.size(); ++e) {
    const bool found = twin_->event(static_cast<int>(e));
    if (found != events[e]) report({twin_->events()[e], "event", -1, events[e], found});
  }
  twin_->rise();
  ++now_;
}

void Lockstep::reset_cycle() {
  frame_.reset = true;
  frame_.controls = 0;
  frame_.words.clear();
  drive(*twin_, frame_);
  record();
  twin_->settle();
  twin_->rise();
  ++now_;
}

void Lockstep::report(const Difference& d) {
  const auto waveform = waveforms_ / fmt::format("{}-cycle-{}.vcd", name_, now_);
  write_waveform(waveform);
  std::string transfers;
  for (const auto& [cycle, stream] : history_) {
    transfers += fmt::format("{}{} {}", transfers.empty() ? "" : ", ", cycle, twin_->streams()[stream].name);
  }
  const std::string lane = d.lane < 0 ? "" : fmt::format(" lane {}", d.lane);
  throw Mismatch(fmt::format("{}: lockstep mismatch in cycle {}: port {} {}{}: model {:#x}, RTL {:#x}; last transfers "
                             "(cycle port): {}; waveform: {}",
                             name_, now_, d.port, d.pin, lane, d.model, d.rtl, transfers, waveform.string()),
                 now_, d.port, d.pin, d.lane, d.model, d.rtl, waveform);
}

void Lockstep::write_waveform(const std::filesystem::path& file) const {
  if (!file.parent_path().empty()) std::filesystem::create_directories(file.parent_path());
  const auto twin = make_();
  twin->trace(file);
  power_on(*twin);
  std::uint64_t cycle = 0;
  for (const Frame& frame : frames_) {
    for (std::uint64_t i = 0; i < frame.cycles; ++i, ++cycle) {
      const bool dump = cycle + cycles_before > now_;
      drive(*twin, frame);
      twin->settle();
      if (dump) twin->dump(cycle * 1000);
      twin->rise();
      if (dump) twin->dump(cycle * 1000 + 500);
    }
  }
}

}  // namespace triad::cosim
