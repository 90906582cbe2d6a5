#include "models/architectures.hpp"

#include "models/asic/asic.hpp"
#include "models/gpu/gpu.hpp"
#include "models/memory/study/study.hpp"
#include "models/tpu/tpu.hpp"

namespace triad::models {

void register_architectures(device::Registry& registry) {
  registry.add(gpu::architecture());
  registry.add(tpu::architecture());
  registry.add(asic::architecture());
  registry.set_memory(memory::study::make_memory);
}

}  // namespace triad::models
