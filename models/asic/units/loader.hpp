#pragma once
#include <deque>
#include <optional>
#include <string>

#include "models/asic/units/buffer.hpp"
#include "models/asic/units/footprint.hpp"
#include "models/asic/units/layer.hpp"
#include "models/asic/units/memory_interface.hpp"
#include "models/asic/units/tile_loop.hpp"
#include "sim/activity/technology.hpp"

namespace triad::asic {

/// Which operand of the array a loader feeds: activations (the positions of a result) or weights (its kernels).
enum class OperandPort { activations, weights };

/// Takes a loaded tile: the sequencer of the array.
class TileSink {
 public:
  virtual ~TileSink() = default;
  /// The operand of the next tile of layer `index` lies in the buffer, complete from `cycle` on.
  virtual void loaded(OperandPort port, std::int64_t index, Cycle cycle) = 0;
};

/// DMA from memory into the convolution buffer, one tile at a time, in the order of layers and their tiles. It reads
/// every byte that a tile needs once, splits fp32 values into three bf16 parts, and writes vectors of channels line by
/// line: a transposed matrix is turned in a register square of `loader_lanes` by `loader_lanes`, an image goes into as
/// many vectors as have windows that see it (im2col), padding becomes zero.
class Loader : public kit::Unit, public LayerSink {
 public:
  Loader(const sc_core::sc_module_name& name, kit::Clock clock, OperandPort port, const Parameters& parameters,
         Buffer& buffer, Scoreboard& scoreboard, MemoryInterface& memory, TileSink& sink, activity::Recorder& recorder,
         const activity::Technology& technology);

  /// The loader of the other operand. Neither takes banks for a layer before the other has loaded all of the layer
  /// before: it could take those that the other needs to let the array go on.
  void connect(Loader& other) { other_ = &other; }
  void program(const Layer& layer) override;
  std::string waits_for() const override;

 private:
  Cycle loaded_at(std::int64_t index) const;
  /// What the current tile is to this loader.
  struct Part {
    std::int64_t vector, vectors, channel, depth;
    int bank, banks;
    bool reuse;
  };
  Part part() const;
  const isa::Matrix& matrix() const;
  void check(const Part& part) const;
  [[noreturn]] void fault(const std::string& what) const;

  void step() override;
  void begin(const Part& part);
  void arrived(const memory::Request& request, Cycle first, Cycle last, const std::vector<std::byte>& data);
  void expand();
  void finish();
  void next_tile();

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
  TileLoop loop_;         ///< of the front layer
  bool started_ = false;  ///< the front layer's loop has begun
  bool loading_ = false;
  Part current_{};
  TilePlace place_;
  std::optional<Footprint> footprint_;
  std::vector<std::byte> staged_;  ///< the tile's bytes of memory
  std::size_t outstanding_ = 0;
  Cycle first_write_ = 0;  ///< of the current tile
  Cycle free_ = 0;         ///< the write port of the buffer is free from here on; what it did before is recorded
  Cycle complete_ = 0;     ///< of the last tile
  Loader* other_ = nullptr;
  std::vector<Cycle> loaded_;  ///< by layer: when its last tile was complete
};

}  // namespace triad::asic
