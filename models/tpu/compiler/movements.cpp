#include "models/tpu/compiler/lower.hpp"
#include "sim/device/device.hpp"
namespace triad::tpu {
void lower_movement(Emitter&, const graph::Op& op) { throw device::Unsupported(op.name + ": no movement"); }
void lower_window(Emitter&, const graph::Op& op) { throw device::Unsupported(op.name + ": no window"); }
void lower_indexed(Emitter&, const graph::Op& op) { throw device::Unsupported(op.name + ": no indexed"); }
void lower_convolution(Emitter&, const graph::Op& op) { throw device::Unsupported(op.name + ": no convolution"); }
}
