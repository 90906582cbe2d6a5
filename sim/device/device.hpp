#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
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

/// Where a tensor lies in device memory: in step s at `address + (s mod period) * stride`.
struct Place {
  std::uint64_t address = 0, bytes = 0, stride = 0, period = 1;
};

/// One run of a program, built in the SystemC simulation of this process: it begins when `start` says so, at whatever
/// time that is, and does then what it would do alone. Destroyed after the simulation only.
class Session {
 public:
  virtual ~Session() = default;
  /// The run begins now, in the elaboration or in a process. `ended` is called, in a process, at its end or at a fault.
  /// Once.
  virtual void start(std::function<void()> ended) = 0;
  /// Steps of the job that are done.
  virtual int steps_done() const = 0;
  /// The run's own time since its start, in cycles of the device's clock; its length, once it has ended.
  virtual std::uint64_t cycles() const = 0;
  /// What the run reports, after its end. Throws the Fault that ended it. Once.
  virtual RunResult finish() = 0;
  /// Starts it, simulates until it ends, and finishes it. Throws Fault.
  virtual RunResult run() = 0;

  /// Device memory as a host sees it: values that the device has read or written by now, without time.
  virtual std::uint64_t memory_bytes() const = 0;
  virtual void read_memory(std::uint64_t address, std::byte* out, std::uint64_t bytes) = 0;
  virtual void write_memory(std::uint64_t address, const std::byte* in, std::uint64_t bytes) = 0;
  /// A tensor of the job's graph ("fc.weight"), when it lies there.
  virtual std::optional<Place> find(const std::string& tensor) const = 0;
  /// The loss, one for every step.
  virtual std::optional<Place> loss() const = 0;
};

/// One configured accelerator. Holds parameters only; simulated state exists inside a session.
class Device {
 public:
  virtual ~Device() = default;
  /// Peak FLOP/s at a multiply format (0: not supported).
  virtual double peak_flops(numerics::Format precision) const = 0;
  /// Rows for `triad describe`: what, and its value with unit.
  virtual std::vector<std::pair<std::string, std::string>> describe() const = 0;
  /// Lowers the job's graph: tile, schedule, allocate. Throws Unsupported naming the op. Includes no SystemC.
  virtual std::unique_ptr<Program> lower(const Job& job) const = 0;
  /// Builds the machine, with the job's data in its memory, ready to start. Device, program and job outlive the
  /// session.
  virtual std::unique_ptr<Session> elaborate(const Program& program, const Job& job,
                                             const RunOptions& options) const = 0;
  /// Executes the program in SystemC, alone. Once per process (one elaboration). Throws Fault.
  virtual RunResult run(const Program& program, const Job& job, const RunOptions& options) const {
    return elaborate(program, job, options)->run();
  }
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
