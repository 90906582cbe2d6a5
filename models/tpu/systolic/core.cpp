#include "models/tpu/systolic/core.hpp"

#include <fmt/format.h>

#include "models/tpu/systolic/model_core.hpp"
#include "sim/device/device.hpp"

namespace triad::systolic {

std::unique_ptr<MatrixCore> make_core(const CoreOptions& options) {
  if (options.rows < 1 || options.columns < 1) {
    throw device::Unsupported(
        fmt::format("{}: a matrix unit of {}x{}; it has at least 1x1", options.name, options.rows, options.columns));
  }
  if (options.stalls.percent < 0 || options.stalls.percent > 90) {
    throw device::Unsupported(fmt::format("{}: stalls of {} %; 0 to 90 % exist", options.name, options.stalls.percent));
  }
  if (options.backend == Backend::model) return std::make_unique<ModelCore>(options);
  throw device::Unsupported(
      fmt::format("{}: no RTL twin of {}x{} is built", options.name, options.rows, options.columns));
}

}  // namespace triad::systolic
