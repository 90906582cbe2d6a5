#pragma once
#include <map>
#include <utility>
#include <vector>

#include "models/asic/units/stream_engine.hpp"
#include "sim/activity/technology.hpp"

namespace triad::asic {

/// Rows of a table by index. gather: the rows that the indices name, one after the other. scatter_add: a table of
/// zeros, then every row added to the one that its index names, in the order of the indices; a row that is still being
/// written is forwarded, so an addition never waits for the one before.
///
/// Timing does not depend on the indices: index number i is charged as if it named row i mod rows. So a run without
/// values takes the same cycles; what is lost is which channels of memory the rows happen to lie in.
class IndexedEngine : public StreamEngine {
 public:
  IndexedEngine(const sc_core::sc_module_name& name, kit::Clock clock, const Parameters& parameters,
                Scoreboard& scoreboard, MemoryInterface& memory, activity::Recorder& recorder,
                const activity::Technology& technology);

 private:
  enum class Kind { zeros, indices, rows };
  struct Part : Chunk {
    Kind kind = Kind::rows;
    std::int64_t first = 0, count = 1;     ///< indices; of zeros: elements
    std::int64_t column = 0, columns = 1;  ///< of a row
  };
  void begin(const Layer& layer) override;
  std::unique_ptr<Chunk> next(const Layer& layer) override;
  bool may_continue() const override;
  std::vector<Write> compute(const Layer& layer, Chunk& chunk) override;
  void record(const Layer& layer, const Chunk& chunk, Cycle waited, Cycle begin, Cycle end) override;

  void take_indices(const Layer& layer, const Part& part);
  Rows row(const isa::Stream& table, const Layer& layer, std::int64_t row, const Part& part) const;
  std::vector<Write> gather(const Layer& layer, const Part& part);
  std::vector<Write> scatter(const Layer& layer, const Part& part);

  kit::Track track_;
  int add_action_, stream_action_;

  isa::Indexed shape_;
  std::int64_t zeroed_ = 0, asked_ = 0, known_ = 0, next_ = 0, column_ = 0;
  std::size_t zeros_missing_ = 0;   ///< writes of zeros on their way
  std::vector<std::int64_t> rows_;  ///< named by the indices at hand
  std::int64_t rows_begin_ = 0;     ///< number of the first of them
  struct Pending {
    std::vector<float> values;
    int writes = 0;
  };
  std::map<std::uint64_t, Pending> pending_;  ///< by address: rows that are being written
};

}  // namespace triad::asic
