#pragma once
#include <memory>
#include <string>
#include <vector>

#include "models/cosim/twin.hpp"

/// The shapes of the matrix unit's twin that are built (rtl/CMakeLists.txt lists them).
namespace triad::rtl {

/// "4x4", ... in the order of the list.
std::vector<std::string> systolic_shapes();
bool has_systolic(int rows, int columns);
/// Streams: 0 weights, 1 rows, 2 results; events: 0 accept, 1 admit. Null for a shape that is not built.
std::unique_ptr<cosim::Twin> make_systolic(int rows, int columns);

}  // namespace triad::rtl
