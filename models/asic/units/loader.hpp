#pragma once
#include <deque>
#include <string>

#include "models/asic/units/buffer.hpp"
#include "models/asic/units/layer.hpp"
#include "models/asic/units/memory_interface.hpp"
#include "sim/activity/technology.hpp"

namespace triad::asic {

/// Which operand of the array a loader feeds: activations (the positions of a result) or weights (its kernels).
enum class OperandPort { activations, weights };

/// Takes a loaded tile: the sequencer of the array.
class TileSink {
 public:
  virtual ~TileSink() = default;
  /// The operand of layer `index` lies in the buffer, complete from `cycle` on.
  virtual void loaded(OperandPort port, std::int64_t index, Cycle cycle) = 0;
};

/// DMA from memory into the convolution buffer, one tile at a time, in the order of layers. It splits fp32 values into
/// three bf16 parts and turns a transposed matrix in a register square of `loader_lanes` by `loader_lanes`.
class Loader : public kit::Unit, public LayerSink {
 public:
  Loader(const sc_core::sc_module_name& name, kit::Clock clock, OperandPort port, const Parameters& parameters,
         Buffer& buffer, Scoreboard& scoreboard, MemoryInterface& memory, TileSink& sink, activity::Recorder& recorder,
         const activity::Technology& technology);

  void program(const Layer& layer) override;
  std::string waits_for() const override;

 private:
  /// The fields of the operand that this loader serves.
  struct Tile {
    std::int64_t vectors, depth;
    bool transposed, reuse;
    int bank, banks, parts, element_bytes;
    Stream stream;
  };
  Tile tile(const Layer& layer) const;
  void check(const Layer& layer, const Tile& tile) const;

  void step() override;
  void begin(const Layer& layer);
  void arrived(const memory::Request& request, Cycle first, Cycle last, const std::vector<std::byte>& data);
  void store(const memory::Request& request, const std::vector<std::byte>& data);
  void finish();

  OperandPort port_;
  const Parameters& parameters_;
  Buffer& buffer_;
  Scoreboard& scoreboard_;
  MemoryInterface& memory_;
  TileSink& sink_;
  int client_;
  kit::Track track_;
  int write_action_;

  std::deque<Layer> layers_;
  bool loading_ = false;
  Tile current_{};
  TilePlace place_;
  std::size_t outstanding_ = 0;
  Cycle free_ = 0;      ///< the write port of the buffer is free from here on; what it did before is recorded
  Cycle complete_ = 0;  ///< of the last tile
};

}  // namespace triad::asic
