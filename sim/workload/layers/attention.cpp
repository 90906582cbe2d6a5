#include "sim/workload/layers/layer.hpp"
namespace triad::workload {
std::vector<LayerType> attention_layers() {
  return {};
}
}  // namespace triad::workload
