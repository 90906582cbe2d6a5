#pragma once
#include "models/kit/memory_map.hpp"
#include "models/kit/simulation.hpp"
#include "models/memory/memory.hpp"
#include "sim/device/device.hpp"

namespace triad::memory {

/// A run of a machine with a device memory: what is the same for every architecture. An architecture's session adds the
/// machine and says when it is finished.
class Session : public device::Session {
 public:
  void start(std::function<void()> ended) final;
  std::uint64_t cycles() const final;
  device::RunResult finish() final;
  device::RunResult run() final;

  std::uint64_t memory_bytes() const final { return memory_->parameters().capacity; }
  void read_memory(std::uint64_t address, std::byte* out, std::uint64_t bytes) final;
  void write_memory(std::uint64_t address, const std::byte* in, std::uint64_t bytes) final;
  std::optional<device::Place> find(const std::string& tensor) const final;
  std::optional<device::Place> loss() const final;

 protected:
  /// Makes the agenda that the machine's units will belong to. `executed`: the job's graph as the device runs it;
  /// `map`: where its tensors lie, or nothing for a program that belongs to no graph.
  Session(const device::Job& job, const device::RunOptions& options, std::uint64_t clock_hz,
          const graph::Graph& executed, const kit::MemoryMap* map);
  /// The machine is there: its memory, and the other units that may wait for one another.
  void attach(Memory& memory, std::vector<const kit::Unit*> units);

  /// The first units ask for their steps.
  virtual void begin() {}
  /// All steps of the job are done.
  virtual bool finished() const = 0;
  /// Units record what they have not yet. Returns the end of the run, not before now.
  virtual kit::Time close() = 0;
  /// The architecture's part of the result: all that is not in the record.
  virtual device::RunResult describe() const = 0;

  const device::Job& job() const { return job_; }
  const device::RunOptions& options() const { return options_; }
  activity::Recorder& recorder() { return recorder_; }

 private:
  /// Steps once, at the end of the run.
  struct End : kit::Unit {
    using kit::Unit::Unit;
    std::string waits_for() const override { return {}; }
    void step() override {}
  };
  void at_rest();
  device::Place place(graph::TensorId tensor) const;

  const device::Job& job_;
  const device::RunOptions options_;
  const graph::Graph& executed_;
  const kit::MemoryMap* map_;
  kit::Agenda agenda_;
  activity::Recorder recorder_;
  const kit::Clock clock_;
  End end_;
  Memory* memory_ = nullptr;
  std::vector<const kit::Unit*> units_;
  std::function<void()> ended_;
  bool closed_ = false, told_ = false;
};

}  // namespace triad::memory
