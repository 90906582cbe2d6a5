#include "models/asic/asic.hpp"

#include <fmt/format.h>

#include "models/asic/compiler/lower.hpp"
#include "models/asic/machine.hpp"
#include "models/kit/outcome.hpp"
#include "models/memory/session.hpp"

namespace triad::asic {

namespace {

class Run : public memory::Session {
 public:
  Run(const Parameters& parameters, const memory::Parameters& memory, const activity::Technology& technology,
      const Program& program, const device::Job& job, const device::RunOptions& options)
      : Session(job, options, parameters.clock_hz, program.graph, &program.map),
        parameters_(parameters),
        memory_(memory),
        technology_(technology),
        program_(program),
        machine_(parameters, memory, technology, program, job, options.check, recorder()) {
    attach(machine_.memory(), machine_.units());
  }
  int steps_done() const override { return machine_.steps_done(); }

 private:
  void begin() override { machine_.start(); }
  bool finished() const override { return machine_.finished(); }
  kit::Time close() override { return machine_.end(); }
  device::RunResult describe() const override {
    device::RunResult result;
    result.architecture = "asic";
    result.technology = technology_.node_name();
    result.peak_flops_per_second = parameters_.peak_flops(job().precision);
    result.peak_bytes_per_second = memory_.bandwidth;
    result.peak_lanes = parameters_.gemm.atomic_k * parameters_.gemm.atomic_c;
    for (const Parameters::Stream* engine : {&parameters_.pointwise, &parameters_.update}) {
      result.peak_lanes += engine->lanes * engine->functions + engine->special_lanes;
    }
    result.peak_lanes += parameters_.pooling.lanes + parameters_.indexed.lanes;
    result.fits_memory = program_.fits_memory;
    return result;
  }

  const Parameters& parameters_;
  const memory::Parameters& memory_;
  const activity::Technology& technology_;
  const Program& program_;
  Machine machine_;
};

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

  std::unique_ptr<device::Session> elaborate(const device::Program& program, const device::Job& job,
                                             const device::RunOptions& options) const override {
    return std::make_unique<Run>(parameters_, memory_, technology_, dynamic_cast<const Program&>(program), job,
                                 options);
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
