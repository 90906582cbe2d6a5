#include "models/architectures.hpp"

#include "models/tpu/tpu.hpp"

namespace triad::models {

void register_architectures(device::Registry& registry) { registry.add(tpu::architecture()); }

}  // namespace triad::models
