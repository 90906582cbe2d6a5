#include "models/tpu/compiler/lower.hpp"
#include "sim/device/device.hpp"
namespace triad::tpu {
void lower_convolution(Emitter&, const graph::Op& op) {
  throw device::Unsupported(op.name + ": no convolution");
}
}  // namespace triad::tpu
