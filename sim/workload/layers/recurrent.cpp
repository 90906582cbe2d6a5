#include "sim/workload/layers/layer.hpp"
namespace triad::workload {
std::vector<LayerType> recurrent_layers() {
  return {};
}
}  // namespace triad::workload
