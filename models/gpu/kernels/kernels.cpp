#include "models/gpu/kernels/kernels.hpp"

#include <stdexcept>

#include "models/gpu/compiler/compile.hpp"

namespace triad::gpu {

Kernel load_kernel(const std::string& name) {
  for (const PtxSource& source : ptx_sources())
    if (source.text.find(".entry " + name + "(") != std::string_view::npos)
      return compile(std::string(source.text), name);
  throw std::invalid_argument("there is no kernel " + name);
}

}  // namespace triad::gpu
