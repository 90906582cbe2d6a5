#include "models/tpu/tpu.hpp"

#include <fmt/core.h>

#include "models/kit/outcome.hpp"
#include "models/memory/image.hpp"
#include "models/memory/session.hpp"
#include "models/tpu/program.hpp"
#include "models/tpu/units/dma.hpp"
#include "models/tpu/units/mxu.hpp"
#include "models/tpu/units/sequencer.hpp"
#include "models/tpu/units/transposer.hpp"
#include "models/tpu/units/vpu.hpp"

namespace triad::tpu {

namespace {

/// All units of one run.
struct Chip {
  Chip(const Parameters& parameters, const memory::Parameters& memory_parameters,
       const activity::Technology& technology, activity::Recorder& recorder, const TpuProgram& program,
       const device::Job& job, bool check)
      : vmem(parameters.vmem.bytes, check),
        memory_uses("bytes of device memory", check),
        tokens(parameters.units()),
        machine{parameters, kit::Clock(parameters.clock_hz),
                recorder,   technology,
                vmem,       memory_uses,
                tokens,     std::vector<std::uint64_t>(static_cast<std::size_t>(parameters.units())),
                job.values},
        memory("memory", memory_parameters, recorder, technology, check),
        sequencer(machine, program, job.steps),
        load(machine, memory, parameters.load_unit()),
        store(machine, memory, parameters.store_unit()),
        vpu(machine),
        transposer(machine) {
    std::vector<Queue*> queues = {&load.queue(), &store.queue(), &vpu.queue(), &transposer.queue()};
    units = {&load, &store, &vpu, &transposer};
    for (int i = 0; i < parameters.mxu.count; ++i) {
      mxus.push_back(std::make_unique<Mxu>(machine, i));
      queues.insert(queues.end(), {&mxus.back()->weights_queue(), &mxus.back()->rows_queue()});
      units.insert(units.end(), {mxus.back().get(), mxus.back().get()});
    }
    sequencer.connect(queues, units);
  }

  kit::Scratchpad vmem;
  kit::Uses memory_uses;
  Tokens tokens;
  Machine machine;
  memory::Memory memory;
  Sequencer sequencer;
  Dma load, store;
  Vpu vpu;
  Transposer transposer;
  std::vector<std::unique_ptr<Mxu>> mxus;
  std::vector<kit::Unit*> units;  ///< by number of the queue
};

class Run : public memory::Session {
 public:
  Run(const Parameters& parameters, const memory::Parameters& memory_parameters, const activity::Technology& technology,
      const TpuProgram& program, const device::Job& job, const device::RunOptions& options)
      : Session(job, options, parameters.clock_hz, program.plan() == nullptr ? job.graph : program.plan()->graph,
                program.plan() == nullptr ? nullptr : &program.plan()->map),
        parameters_(parameters),
        memory_parameters_(memory_parameters),
        technology_(technology),
        plan_(program.plan()),
        chip_(parameters, memory_parameters, technology, recorder(), program, job, options.check) {
    recorder().add_static_power(parameters.static_watts);
    if (plan_ != nullptr) memory::place(chip_.memory.contents(), plan_->map, job);
    std::vector<const kit::Unit*> units = {&chip_.sequencer};
    for (const kit::Unit* unit : chip_.units) {
      if (unit != units.back()) units.push_back(unit);
    }
    attach(chip_.memory, std::move(units));
  }
  int steps_done() const override { return chip_.sequencer.steps_done(); }

 private:
  void begin() override { chip_.sequencer.start(); }
  bool finished() const override { return chip_.sequencer.finished(); }
  kit::Time close() override {
    for (const auto& mxu : chip_.mxus) mxu->finish();
    return kit::now();
  }
  device::RunResult describe() const override {
    device::RunResult result;
    result.architecture = "tpu";
    result.technology = technology_.node_name();
    result.peak_flops_per_second = parameters_.peak_flops(job().precision);
    result.peak_bytes_per_second = memory_parameters_.bandwidth;
    result.peak_lanes = static_cast<double>(parameters_.mxu.count * parameters_.mxu.rows * parameters_.mxu.columns +
                                            parameters_.vpu.lanes);
    if (plan_ != nullptr)
      result.fits_memory =
          kit::fits_memory(plan_->map, memory_parameters_.capacity, job(), memory_parameters_.capacity_key());
    return result;
  }

  const Parameters& parameters_;
  const memory::Parameters& memory_parameters_;
  const activity::Technology& technology_;
  const Plan* plan_;
  Chip chip_;
};

class Tpu : public device::Device {
 public:
  explicit Tpu(const config::Node& node)
      : parameters_(Parameters::read(node)),
        memory_(memory::Parameters::read(node.at("memory"))),
        technology_(kit::load_technology(node)) {}

  double peak_flops(Format precision) const override { return parameters_.peak_flops(precision); }

  std::vector<std::pair<std::string, std::string>> describe() const override {
    const Parameters& p = parameters_;
    std::vector<std::pair<std::string, std::string>> rows = {
        {"clock", fmt::format("{:.4g} MHz", static_cast<double>(p.clock_hz) / 1e6)},
        {"matrix units", fmt::format("{} x {} x {} bf16, weight-stationary", p.mxu.count, p.mxu.rows, p.mxu.columns)},
        {"vector unit", fmt::format("{} fp32 lanes", p.vpu.lanes)},
        {"on-chip memory", fmt::format("{:.4g} MiB", static_cast<double>(p.vmem.bytes) / (1 << 20))},
        {"launch",
         fmt::format("{:.4g} us every {} steps", p.sequencer.launch_seconds * 1e6, p.sequencer.steps_per_launch)},
        {"technology", technology_.node_name()},
        {"static power", fmt::format("{:.4g} W", p.static_watts)}};
    for (auto& row : memory_.describe()) rows.push_back(std::move(row));
    return rows;
  }

  std::unique_ptr<device::Program> lower(const device::Job& job) const override {
    if (parameters_.peak_flops(job.precision) == 0) {
      throw device::Unsupported(fmt::format("precision {}: matrix units multiply bf16, and fp32 in six passes",
                                            numerics::to_string(job.precision)));
    }
    auto made = plan(parameters_, job);
    kit::fits_memory(made->map, memory_.capacity, job, memory_.capacity_key());  // a job with values must
    return std::make_unique<TpuProgram>(std::move(made));
  }

  std::unique_ptr<device::Session> elaborate(const device::Program& program, const device::Job& job,
                                             const device::RunOptions& options) const override {
    return std::make_unique<Run>(parameters_, memory_, technology_, dynamic_cast<const TpuProgram&>(program), job,
                                 options);
  }

 private:
  Parameters parameters_;
  memory::Parameters memory_;
  activity::Technology technology_;
};

}  // namespace

device::Architecture architecture() {
  return {"tpu", "decoupled DMA, systolic matrix units and vector unit with dependency tokens",
          [](const config::Node& node) -> std::unique_ptr<device::Device> { return std::make_unique<Tpu>(node); }};
}

}  // namespace triad::tpu
