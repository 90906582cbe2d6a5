#pragma once
#include "../../device_support.hpp"
#include "models/gpu/gpu.hpp"
#include "models/gpu/parameters.hpp"
#include "models/gpu/program.hpp"

/// What the tests of the whole device share.
namespace triad::gpu::test {

using namespace triad::test;

inline config::Node node(const std::string& preset, const Settings& settings = {}) {
  return config::load(config::presets() / "gpu" / (preset + ".yaml"), settings);
}
inline std::unique_ptr<device::Device> make(const std::string& preset, const Settings& settings = {}) {
  return triad::test::make(architecture(), preset, settings);
}

/// A copy of a program of this device, to be altered: Code is made anew from changed kernels.
inline std::unique_ptr<GpuProgram> copy(const device::Program& program) {
  return std::make_unique<GpuProgram>(dynamic_cast<const GpuProgram&>(program));
}

}  // namespace triad::gpu::test
