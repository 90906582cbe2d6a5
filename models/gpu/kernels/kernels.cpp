#include "models/gpu/kernels/kernels.hpp"

#include <stdexcept>

#include "models/gpu/compiler/compile.hpp"

namespace triad::gpu {

Kernel load_kernel(const std::string& name) {
  const std::string entry = ".entry " + name + "(", next = ".visible .entry ";
  for (const PtxSource& source : ptx_sources()) {
    const std::size_t at = source.text.find(entry);
    if (at == std::string_view::npos) continue;
    // What stands before the first kernel (target, shared memory) and the kernel alone: others need not be read.
    const std::size_t begin = source.text.rfind(next, at), end = source.text.find(next, at + 1);
    std::string text(source.text.substr(0, source.text.find(next)));
    text += source.text.substr(begin, end == std::string_view::npos ? end : end - begin);
    return compile(text, name);
  }
  throw std::invalid_argument("there is no kernel " + name);
}

}  // namespace triad::gpu
