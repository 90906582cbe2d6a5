#pragma once
#include <deque>
#include <string>
#include <vector>

#include "models/asic/parameters.hpp"
#include "models/asic/units/layer.hpp"
#include "models/asic/units/memory_interface.hpp"

namespace triad::asic {

/// A matrix in memory as an operand or result of a streaming engine.
struct Matrix {
  std::uint64_t address = 0;
  std::int64_t pitch = 0;
  int element_bytes = 4;
  bool one_per_row = false;  ///< a column vector: one element for each row of a chunk
};

/// A part of a layer that an engine reads, computes and writes as one: elements [column, column + columns) of rows
/// [row, row + rows).
struct Chunk {
  std::int64_t row = 0, rows = 1, column = 0, columns = 0;
  Cycle cycles = 1;    ///< of the pipeline's first stage
  Cycle ready = 0;     ///< data that does not come from memory: the first of it is there from here on ...
  Cycle complete = 0;  ///< ... and the result of the last of it leaves the first stage here at the earliest
  std::int64_t elements() const { return rows * columns; }
};

/// How an engine works through a layer.
struct Plan {
  std::vector<Matrix> operands;  ///< read chunk by chunk
  std::vector<Matrix> results;   ///< written chunk by chunk
  std::vector<Chunk> chunks;
  std::vector<memory::Request> preload;  ///< read before the first chunk
  std::size_t window = 1;                ///< chunks whose operands may be read or held at a time
  Cycle tail = 0;                        ///< cycles after the last chunk, before what `finish` writes
};

using Bytes = std::vector<std::byte>;

/// An engine that streams operands from memory through a pipeline back to memory: the point-wise and the update engine.
/// Layers run in order; the next one reads as soon as the pipeline has taken all of the one before, while that one's
/// results are still being written. A layer is done when memory has its last byte.
class StreamEngine : public kit::Unit, public LayerSink {
 public:
  StreamEngine(const sc_core::sc_module_name& name, kit::Clock clock, isa::Engine engine, const Parameters& parameters,
               int pipeline_cycles, Scoreboard& scoreboard, MemoryInterface& memory);
  void program(const Layer& layer) override;
  std::string waits_for() const override;

 protected:
  /// Is there more that the layer at the front has to wait for before it begins? Then says what.
  virtual std::string not_ready(const Layer& layer) const = 0;
  virtual Plan plan(const Layer& layer) = 0;
  virtual void preloaded(const Bytes&) {}
  /// Computes a chunk: the bytes of each result, rows dense.
  virtual std::vector<Bytes> compute(const Layer& layer, const Chunk& chunk, const std::vector<Bytes>& operands) = 0;
  /// The pipeline was given the chunk in [begin, end); before, from `waited` on, it waited for it.
  virtual void record(const Layer& layer, const Chunk& chunk, Cycle waited, Cycle begin, Cycle end) = 0;
  /// After the last chunk: what is written beyond the results of chunks.
  virtual std::vector<std::pair<memory::Request, Bytes>> finish(const Layer&) { return {}; }
  /// The pipeline has taken all of a layer at this cycle.
  virtual void taken(const Layer&, Cycle) {}
  /// Throws device::Fault when the layer has no elements or more than memory can hold.
  void check_size(const Layer& layer) const;

  const Parameters& parameters_;

 private:
  struct Arrival {
    std::size_t missing = 0;  ///< requests
    Cycle complete = 0;
    std::vector<Bytes> operands;
  };
  struct Writing {  ///< a layer whose results are on their way
    std::int64_t index;
    std::size_t missing = 0;
    bool all_submitted = false;
    Cycle complete = 0;
  };
  void step() override;
  void begin();
  std::vector<memory::Request> requests(const Matrix& matrix, const Chunk& chunk, bool write) const;
  void read_chunks();
  void read_chunk(std::size_t index);
  void compute_chunks();
  void write(memory::Request request, Bytes data, Cycle from);
  void end_layer();
  void retire();

  isa::Engine engine_;
  Cycle pipeline_cycles_;
  Scoreboard& scoreboard_;
  MemoryInterface& memory_;
  int read_client_, write_client_;

  std::deque<Layer> layers_;  ///< programmed and not yet computed; the front one runs when `running_`
  bool running_ = false;
  Plan plan_;
  std::vector<Arrival> arrivals_;
  std::size_t reads_ = 0, computed_ = 0, preload_missing_ = 0;
  Bytes preload_;
  Cycle preload_complete_ = 0;
  Cycle free_ = 0;     ///< the pipeline takes the next chunk
  Cycle waiting_ = 0;  ///< the layer waits since then
  std::deque<Writing> writing_;
};

}  // namespace triad::asic
