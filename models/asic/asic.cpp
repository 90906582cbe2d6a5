#include "models/asic/asic.hpp"

#include <fmt/format.h>

#include "models/asic/compiler/lower.hpp"
#include "models/asic/machine.hpp"
#include "models/kit/outcome.hpp"
#include "models/kit/simulation.hpp"
#include "models/memory/image.hpp"

namespace triad::asic {

namespace {

class Asic : public device::Device {
 public:
  explicit Asic(const config::Node& node)
      : parameters_(Parameters::read(node)),
        memory_(memory::Parameters::read(node.at("memory"))),
        technology_(kit::load_technology(node)) {}

  double peak_flops(numerics::Format precision) const override { return parameters_.peak_flops(precision); }

  std::vector<std::pair<std::string, std::string>> describe() const override {
    auto rows = parameters_.describe();
    rows.emplace_back("technology", technology_.node_name());
    rows.emplace_back("static power", fmt::format("{:.4g} W", parameters_.static_watts));
    for (auto& row : memory_.describe()) rows.push_back(std::move(row));
    return rows;
  }

  std::unique_ptr<device::Program> lower(const device::Job& job) const override {
    if (peak_flops(job.precision) == 0) {
      throw device::Unsupported(fmt::format("precision {}: the MAC array multiplies bf16, and fp32 in six passes",
                                            numerics::to_string(job.precision)));
    }
    const MemoryPort port{memory_.bandwidth / static_cast<double>(parameters_.clock_hz), memory_.channels,
                          static_cast<std::int64_t>(memory_.interleave), static_cast<std::int64_t>(memory_.access)};
    return asic::lower(job, parameters_, memory_.capacity, port);
  }

  device::RunResult run(const device::Program& program, const device::Job& job,
                        const device::RunOptions& options) const override {
    const Program& lowered = dynamic_cast<const Program&>(program);
    kit::begin_elaboration();
    activity::Recorder recorder(parameters_.clock_hz, lowered.graph.ops.size());
    Machine machine(parameters_, memory_, technology_, lowered, job, options.check, recorder);
    machine.run(options);

    device::RunResult result;
    result.architecture = "asic";
    result.technology = technology_.node_name();
    result.clock_hz = static_cast<double>(parameters_.clock_hz);
    result.peak_flops_per_second = peak_flops(job.precision);
    result.peak_bytes_per_second = memory_.bandwidth;
    result.peak_lanes = parameters_.gemm.atomic_k * parameters_.gemm.atomic_c;
    for (const Parameters::Stream* engine : {&parameters_.pointwise, &parameters_.update}) {
      result.peak_lanes += engine->lanes * engine->functions + engine->special_lanes;
    }
    result.peak_lanes += parameters_.pooling.lanes + parameters_.indexed.lanes;
    result.fits_memory = lowered.fits_memory;
    result.read_bytes = machine.memory().read_bytes();
    result.written_bytes = machine.memory().written_bytes();
    kit::fill(result, recorder, job, lowered.graph);
    memory::read_back(machine.memory().contents(), lowered.map, job, result);
    return result;
  }

 private:
  Parameters parameters_;
  memory::Parameters memory_;
  activity::Technology technology_;
};

}  // namespace

device::Architecture architecture() {
  return {
      "asic",
      "fixed-function engines behind layer descriptors: MAC array with adder tree, microprogrammed point-wise engine",
      [](const config::Node& node) -> std::unique_ptr<device::Device> { return std::make_unique<Asic>(node); }};
}

}  // namespace triad::asic
