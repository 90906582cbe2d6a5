#pragma once
#include <vector>

#include "models/asic/compiler/program.hpp"

namespace triad::asic {

/// Bytes [begin, end) of device memory.
struct Range {
  std::uint64_t begin = 0, end = 0;
};

/// What a layer touches. Layers of one part of an op write disjoint bytes.
struct Accesses {
  int op = -1, part = 0;
  std::vector<Range> reads, writes;
};

/// Fills in the `wait` fields of a step's layers (`accesses[i]` belongs to stream[i]) and the number of layers of each
/// engine. A layer waits for the last layers that wrote what it reads or writes and that read what it writes, by
/// address, whatever tensors lie there; the step before counts, since steps follow one another without a pause.
void resolve_dependencies(Program& program, const std::vector<Accesses>& accesses);

}  // namespace triad::asic
