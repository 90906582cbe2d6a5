#include "models/gpu/gpu.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "models/gpu/lowering.hpp"
#include "models/gpu/machine.hpp"
#include "models/kit/outcome.hpp"
#include "models/memory/image.hpp"
#include "models/memory/session.hpp"

namespace triad::gpu {
namespace {

using numerics::Format;

double lanes(const Parameters& parameters) {
  return static_cast<double>(parameters.sms * parameters.sm.sub_cores * parameters.sm.fp32_lanes);
}

/// FFMA is the only multiplier: bf16 and fp16 operands are widened and run at its rate.
double peak_flops(const Parameters& parameters, Format precision) {
  if (precision != Format::fp32 && precision != Format::bf16 && precision != Format::fp16) return 0;
  return 2.0 * lanes(parameters) * static_cast<double>(parameters.clock_hz);
}

void place_indices(memory::Contents& contents, const GpuProgram::Indices& indices) {
  std::vector<std::int32_t> places;
  for (std::int64_t i = 0; i < indices.count; ++i) places.push_back(static_cast<std::int32_t>(i % indices.rows));
  for (std::uint64_t batch = 0; batch < indices.address.period; ++batch) {
    contents.write(indices.address.at(static_cast<int>(batch)), reinterpret_cast<const std::byte*>(places.data()),
                   4 * places.size());
  }
}

class Run : public memory::Session {
 public:
  Run(const Parameters& parameters, const activity::Technology& technology, const GpuProgram& program,
      const device::Job& job, const device::RunOptions& options)
      : Session(job, options, parameters.clock_hz, program.graph, &program.map),
        parameters_(parameters),
        technology_(technology),
        program_(program),
        memory_("memory", parameters.memory, recorder(), technology, options.check),
        machine_("gpu", parameters, program, job.steps, memory_, recorder(), technology, options.check) {
    recorder().add_static_power(parameters.static_watts);
    if (job.values) {
      memory::place(memory_.contents(), program.map, job);
    } else {
      for (const GpuProgram::Indices& indices : program.indices) place_indices(memory_.contents(), indices);
    }
    attach(memory_, {&machine_});
  }
  int steps_done() const override { return machine_.steps_done(); }

 private:
  bool finished() const override { return machine_.finished(); }
  kit::Time close() override {
    machine_.finish();
    return kit::now();
  }
  device::RunResult describe() const override {
    device::RunResult result;
    result.architecture = "gpu";
    result.technology = technology_.node_name();
    result.peak_flops_per_second = peak_flops(parameters_, job().precision);
    result.peak_bytes_per_second = parameters_.memory.bandwidth;
    result.peak_lanes = lanes(parameters_);
    result.fits_memory = program_.fits_memory;
    if (!program_.indices.empty()) {
      result.assumed = "timing depends on indices, which values: off leaves out: index i counts as i modulo the rows";
    }
    return result;
  }

  const Parameters& parameters_;
  const activity::Technology& technology_;
  const GpuProgram& program_;
  memory::Memory memory_;
  Machine machine_;
};

class Gpu : public device::Device {
 public:
  explicit Gpu(const config::Node& node)
      : parameters_(Parameters::read(node)), technology_(kit::load_technology(node)) {
    parameters_.memory.bit_picojoules(technology_);  // an unknown name is an error now, not in the middle of a run
  }

  double peak_flops(Format precision) const override { return gpu::peak_flops(parameters_, precision); }

  std::vector<std::pair<std::string, std::string>> describe() const override {
    const Parameters& p = parameters_;
    const SmParameters& sm = p.sm;
    std::vector<std::pair<std::string, std::string>> rows = {
        {"clock", fmt::format("{:.4g} MHz", static_cast<double>(p.clock_hz) / 1e6)},
        {"streaming multiprocessors", fmt::format("{} of {} sub-cores", p.sms, sm.sub_cores)},
        {"lanes of a sub-core",
         fmt::format("{} fp32, {} integer, {} special functions", sm.fp32_lanes, sm.integer_lanes, sm.sfu_lanes)},
        {"resident in an SM", fmt::format("{} warps, {} blocks", sm.warps, sm.blocks)},
        {"registers of an SM", fmt::format("{} x 32 bit", sm.registers)},
        {"shared memory of an SM",
         fmt::format("{:.4g} KiB in {} banks", static_cast<double>(sm.shared_bytes) / 1024, sm.shared_banks)},
        {"launch", fmt::format("{:.4g} us per kernel", p.launch_latency * 1e6)},
        {"technology", technology_.node_name()},
        {"static power", fmt::format("{:.4g} W", p.static_watts)}};
    if (p.l2) std::ranges::copy(p.l2->describe(), std::back_inserter(rows));
    for (auto& row : p.memory.describe()) rows.push_back(std::move(row));
    return rows;
  }

  std::unique_ptr<device::Program> lower(const device::Job& job) const override {
    if (peak_flops(job.precision) == 0) {
      throw device::Unsupported(
          fmt::format("precision {}: the SMs multiply fp32, bf16 and fp16", numerics::to_string(job.precision)));
    }
    return gpu::lower(parameters_, job);
  }

  std::unique_ptr<device::Session> elaborate(const device::Program& program, const device::Job& job,
                                             const device::RunOptions& options) const override {
    return std::make_unique<Run>(parameters_, technology_, dynamic_cast<const GpuProgram&>(program), job, options);
  }

 private:
  Parameters parameters_;
  activity::Technology technology_;
};

}  // namespace

device::Architecture architecture() {
  return {"gpu", "SIMT cores that run kernels of machine code, compiled from CUDA C++",
          [](const config::Node& node) -> std::unique_ptr<device::Device> { return std::make_unique<Gpu>(node); }};
}

}  // namespace triad::gpu
