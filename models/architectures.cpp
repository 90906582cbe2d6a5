#include "models/architectures.hpp"

namespace triad::models {

void register_architectures([[maybe_unused]] device::Registry& registry) {}

}  // namespace triad::models
