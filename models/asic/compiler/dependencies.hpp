#pragma once
#include <vector>

#include "models/asic/compiler/program.hpp"

namespace triad::asic {

/// What a layer touches: tensors by the one whose storage they use. Layers of one op write disjoint parts of a tensor.
struct Accesses {
  int op = -1;
  std::vector<graph::TensorId> reads, writes;
};

/// Fills in the `wait` fields of a step's layers (`accesses[i]` belongs to stream[i]) and the number of layers of each
/// engine. A layer waits for the last layers that wrote what it reads or writes and that read what it writes; the step
/// before counts, since steps follow one another without a pause.
void resolve_dependencies(Program& program, const std::vector<Accesses>& accesses);

}  // namespace triad::asic
