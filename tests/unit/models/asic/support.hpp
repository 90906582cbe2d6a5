#pragma once
#include "../device_support.hpp"
#include "models/asic/asic.hpp"
#include "models/asic/compiler/program.hpp"
#include "models/asic/parameters.hpp"

/// What the tests of the ASIC share.
namespace triad::asic::test {

using namespace triad::test;

inline std::unique_ptr<device::Device> make(const std::string& preset, const Settings& settings = {}) {
  return triad::test::make(architecture(), preset, settings);
}

}  // namespace triad::asic::test
