#pragma once
#include "../device_support.hpp"
#include "models/tpu/program.hpp"
#include "models/tpu/tpu.hpp"

/// What the tests of the TPU share.
namespace triad::tpu::test {

using namespace triad::test;

inline std::unique_ptr<device::Device> make(const std::string& preset, const Settings& settings = {}) {
  return triad::test::make(architecture(), preset, settings);
}

}  // namespace triad::tpu::test
