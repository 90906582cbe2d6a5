#pragma once
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "models/asic/parameters.hpp"
#include "models/asic/units/layer.hpp"
#include "models/asic/units/memory_interface.hpp"

namespace triad::asic {

using Bytes = std::vector<std::byte>;

/// A part of a layer that an engine reads, computes and writes as one. Engines derive from it what they need to know.
struct Chunk {
  virtual ~Chunk() = default;
  std::vector<std::vector<memory::Request>> reads;  ///< by operand
  std::vector<Bytes> operands;                      ///< what they brought, when all is there
  Cycle cycles = 0;                                 ///< of the pipeline's first stage
  Cycle gap = 0;  ///< the pipeline stands still so long before: it waits for a result of its own
  /// By operand: its addresses are for the timing only, the engine moves the contents itself.
  std::vector<bool> indirect;
  bool ahead = false;  ///< nothing of it comes from memory: it may be scheduled before its time comes

 private:
  friend class StreamEngine;
  std::size_t missing = 0;  ///< requests
  Cycle complete = 0;
};

/// Bytes of one result of a chunk and where they go, in order.
struct Write {
  std::vector<memory::Request> requests;
  Bytes data;
  bool indirect = false;            ///< the engine moves the contents itself
  std::function<void()> done = {};  ///< when memory has them
};

/// An engine that streams operands from memory through a pipeline back to memory. Layers run in order; the next one
/// reads as soon as the pipeline has taken all of the one before, while that one's results are still being written. A
/// layer is done when memory has its last byte. Reads run ahead as far as the read buffer goes; the pipeline stands
/// still while the write buffer is full.
class StreamEngine : public kit::Unit, public LayerSink {
 public:
  StreamEngine(const sc_core::sc_module_name& name, kit::Clock clock, isa::Engine engine, const Parameters& parameters,
               const Parameters::Stream& own, Scoreboard& scoreboard, MemoryInterface& memory);
  void program(const Layer& layer) override;
  std::string waits_for() const override;

 protected:
  /// From when on what the chunk takes besides operands is there, and when its result leaves the first stage at the
  /// earliest; `from` never: not known yet (the engine wakes itself).
  struct Ready {
    Cycle from = 0, complete = 0;
  };

  /// A new layer. Throws device::Fault when it makes no sense.
  virtual void begin(const Layer& layer) = 0;
  /// The next chunk of the layer, or null: there is no more. Not asked while `may_continue` says no.
  virtual std::unique_ptr<Chunk> next(const Layer& layer) = 0;
  virtual bool may_continue() const { return true; }
  virtual Ready ready(const Chunk&) const { return {}; }
  /// What `ready` waits for, for people.
  virtual std::string not_ready(const Layer&) const { return {}; }
  /// Computes a chunk: what is written. Without values `data` stays empty.
  virtual std::vector<Write> compute(const Layer& layer, Chunk& chunk) = 0;
  /// The pipeline was given the chunk in [begin, end); before, from `waited` on, it waited for it.
  virtual void record(const Layer& layer, const Chunk& chunk, Cycle waited, Cycle begin, Cycle end) = 0;
  /// The pipeline has taken all of the chunk at this cycle.
  virtual void taken(const Layer&, const Chunk&, Cycle) {}

  [[noreturn]] void fault(const Layer& layer, const std::string& what) const;
  /// Appends the requests of these rows to one list.
  void request(std::vector<memory::Request>& requests, const std::vector<Rows>& rows, bool write,
               const Layer& layer) const;
  bool values() const { return memory_.values(); }

  const Parameters& parameters_;
  const Parameters::Stream own_;
  MemoryInterface& memory_;

 private:
  struct Writing {  ///< a layer whose results are on their way
    std::int64_t index;
    std::size_t missing = 0;
    bool all_submitted = false;
    Cycle complete = 0;
  };
  void step() override;
  void start();
  void read_ahead();
  void read(Chunk& chunk);
  void compute_chunks();
  void write(Write write, Cycle from);
  void end_layer();
  void retire();

  isa::Engine engine_;
  Scoreboard& scoreboard_;
  int read_client_, write_client_;
  std::size_t window_;  ///< chunks in the read buffer; requests in the write buffer

  std::deque<Layer> layers_;  ///< programmed and not yet computed; the front one runs when `running_`
  bool running_ = false, more_ = false;
  std::deque<std::unique_ptr<Chunk>> chunks_;  ///< read or being read
  std::size_t reading_ = 0;                    ///< of these with operands from memory
  std::size_t writes_ = 0;                     ///< requests in the write buffer
  bool stalled_ = false;                       ///< it was full
  bool holds_ = false;                         ///< the chunk that the pipeline takes lies in the read buffer
  Cycle free_ = 0;                             ///< the pipeline takes the next chunk
  Cycle waiting_ = 0;                          ///< the layer waits since then
  std::deque<Writing> writing_;
};

}  // namespace triad::asic
