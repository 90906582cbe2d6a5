#pragma once
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "sim/config/node.hpp"
#include "sim/device/job.hpp"
#include "sim/device/result.hpp"
#include "sim/device/traffic.hpp"

/// What an accelerator is to the simulator.
namespace triad::device {

/// The input is at fault (exit status 2): an op or a shape that the device cannot run, a workload that it cannot hold.
struct Unsupported : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// The run itself found a fault (exit status 1): hazard, deadlock, lockstep mismatch, --max-cycles.
struct Fault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A graph lowered for one device: instructions, descriptors or kernels. Made by Device::lower, run by the same device.
class Program {
 public:
  virtual ~Program() = default;
  virtual std::string disassembly() const = 0;  ///< for people and tests
};

/// One configured accelerator. Holds parameters only; simulated state exists inside run().
class Device {
 public:
  virtual ~Device() = default;
  /// Peak FLOP/s at a multiply format (0: not supported).
  virtual double peak_flops(numerics::Format precision) const = 0;
  /// Rows for `triad describe`: what, and its value with unit.
  virtual std::vector<std::pair<std::string, std::string>> describe() const = 0;
  /// Lowers the job's graph: tile, schedule, allocate. Throws Unsupported naming the op. Includes no SystemC.
  virtual std::unique_ptr<Program> lower(const Job& job) const = 0;
  /// Executes the program in SystemC. Once per process (one elaboration). Throws Fault.
  virtual RunResult run(const Program& program, const Job& job, const RunOptions& options) const = 0;
};

/// A kind of accelerator: how to read its configuration and build a device.
struct Architecture {
  std::string name;  ///< "tpu", also its folder under configs/
  std::string summary;
  std::unique_ptr<Device> (*make)(const config::Node& configuration);
};

/// The list of what exists: filled once by models/architectures.cpp, asked by everything else.
class Registry {
 public:
  void add(Architecture architecture);
  const std::vector<Architecture>& all() const { return architectures_; }
  const Architecture* find(const std::string& name) const;
  /// How to make a memory that stands alone.
  void set_memory(MakeMemory make) { make_memory_ = make; }
  /// The memory of a configuration. Throws config::Error, also where the key at fault is not read.
  std::unique_ptr<Memory> memory(const config::Node& configuration) const;

 private:
  std::vector<Architecture> architectures_;
  MakeMemory make_memory_ = nullptr;
};

}  // namespace triad::device
