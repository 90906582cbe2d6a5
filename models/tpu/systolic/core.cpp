#include "models/tpu/systolic/core.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "models/tpu/systolic/model_core.hpp"
#include "models/tpu/systolic/twin_core.hpp"
#include "rtl/tpu/systolic_twins.hpp"
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
  if (!rtl::has_systolic(options.rows, options.columns)) {
    throw device::Unsupported(fmt::format("{}: no RTL twin of a {}x{} matrix unit is built; built are {}", options.name,
                                          options.rows, options.columns, fmt::join(rtl::systolic_shapes(), ", ")));
  }
  const cosim::TwinFactory make = [rows = options.rows, columns = options.columns] {
    return rtl::make_systolic(rows, columns);
  };
  if (options.backend == Backend::rtl) return std::make_unique<RtlCore>(options, make);
  return std::make_unique<LockstepCore>(options, make);
}

}  // namespace triad::systolic
