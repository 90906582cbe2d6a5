#include "models/memory/study/study.hpp"

#include <fmt/format.h>

#include "models/memory/study/driver.hpp"

namespace triad::memory::study {

namespace {

/// "4 channels x 2 pseudo channels of 64 bit, 1 rank, 4 x 4 banks, 2 KiB rows, 16 GiB"
std::string in_words(const dram::Organization& o) {
  const auto size = [](std::uint64_t bytes) {
    constexpr std::uint64_t kibi = 1024;
    if (bytes % (kibi * kibi * kibi) == 0) return fmt::format("{} GiB", bytes / kibi / kibi / kibi);
    if (bytes % (kibi * kibi) == 0) return fmt::format("{} MiB", bytes / kibi / kibi);
    return bytes % kibi == 0 ? fmt::format("{} KiB", bytes / kibi) : fmt::format("{} B", bytes);
  };
  const auto count = [](int n, const char* what) { return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s"); };
  std::string text = count(o.channels, "channel");
  if (o.pseudo_channels > 1) text += " x " + count(o.pseudo_channels, "pseudo channel");
  text += fmt::format(" of {} bit, {}, ", o.bus_bits, count(o.ranks, "rank"));
  if (o.bank_groups > 1) text += fmt::format("{} x ", o.bank_groups);
  return text + fmt::format("{}, rows of {}, {}", count(o.banks, "bank"), size(o.row_bytes()), size(o.capacity()));
}

class Study : public device::Memory {
 public:
  explicit Study(const dram::Parameters& parameters) : parameters_(parameters) {}
  std::vector<std::pair<std::string, std::string>> describe() const override { return parameters_.describe(); }
  device::TrafficResult run(const device::Traffic& traffic) const override {
    device::TrafficResult result = Driver(parameters_, traffic).run();
    result.organization = in_words(parameters_.organization);
    return result;
  }

 private:
  dram::Parameters parameters_;
};

/// A memory that is no DRAM: it has a meaning in a machine alone.
class OfAMachine : public device::Memory {
 public:
  explicit OfAMachine(std::string kind) : kind_(std::move(kind)) {}
  std::vector<std::pair<std::string, std::string>> describe() const override {
    return {{"memory", kind_ + ": no DRAM; what it is depends on the machine"}};
  }
  device::TrafficResult run(const device::Traffic&) const override {
    throw config::Error(
        fmt::format("kind: {} has no queues, banks or rows: there is nothing to drive without a machine", kind_));
  }

 private:
  std::string kind_;
};

}  // namespace

std::unique_ptr<device::Memory> make_memory(const config::Node& configuration) {
  if (const auto kind = configuration.find("kind"); kind && kind->choice({"dram", "ideal", "tlm"}) != "dram") {
    config::mark_read(configuration);
    return std::make_unique<OfAMachine>(kind->text());
  }
  for (const char* of_a_device : {"latency", "credits", "path"}) (void)configuration.find(of_a_device);
  return std::make_unique<Study>(dram::Parameters::read(configuration));
}

}  // namespace triad::memory::study
