#include "models/gpu/isa/kernel.hpp"

#include <stdexcept>

namespace triad::gpu {

Launch make_launch(const Kernel& kernel, Dimensions grid, Dimensions block,
                   const std::vector<std::uint64_t>& arguments) {
  if (arguments.size() != kernel.parameters.size())
    throw std::invalid_argument("kernel " + kernel.name + " takes " + std::to_string(kernel.parameters.size()) +
                                " arguments, got " + std::to_string(arguments.size()));
  Launch launch{grid, block, {}};
  launch.constants.assign((constant_parameters + static_cast<std::size_t>(kernel.parameter_bytes) + 3) / 4, 0);
  const auto put = [&](std::uint32_t byte, std::uint32_t word) { launch.constants[byte / 4] = word; };
  const std::array dimensions{block.x, block.y, block.z, grid.x, grid.y, grid.z};
  for (std::uint32_t i = 0; i < dimensions.size(); ++i) put(constant_ntid + 4 * i, dimensions[i]);
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const Parameter& parameter = kernel.parameters[i];
    const auto byte = constant_parameters + static_cast<std::uint32_t>(parameter.offset_bytes);
    put(byte, static_cast<std::uint32_t>(arguments[i]));
    if (parameter.size_bytes == 8) put(byte + 4, static_cast<std::uint32_t>(arguments[i] >> 32));
  }
  return launch;
}

std::uint32_t special_value(Special which, const Launch& launch, Dimensions block_index, std::uint32_t warp,
                            std::uint32_t lane) {
  const std::uint32_t thread = warp * warp_size + lane;
  const Dimensions& n = launch.block;
  switch (which) {
    case Special::tid_x:
      return thread % n.x;
    case Special::tid_y:
      return thread / n.x % n.y;
    case Special::tid_z:
      return thread / n.x / n.y;
    case Special::ctaid_x:
      return block_index.x;
    case Special::ctaid_y:
      return block_index.y;
    case Special::ctaid_z:
      return block_index.z;
    case Special::ntid_x:
      return n.x;
    case Special::ntid_y:
      return n.y;
    case Special::ntid_z:
      return n.z;
    case Special::nctaid_x:
      return launch.grid.x;
    case Special::nctaid_y:
      return launch.grid.y;
    case Special::nctaid_z:
      return launch.grid.z;
    case Special::laneid:
      return lane;
    case Special::warpid:
      return warp;
  }
  return 0;
}

}  // namespace triad::gpu
