#include "models/gpu/compiler/compile.hpp"

#include <stdexcept>

#include "models/gpu/compiler/passes.hpp"

namespace triad::gpu {
namespace {

Kernel compile(const ptx::Function& function, const CompileOptions& options) {
  compiler::Program program = compiler::select(function);
  compiler::arrange(program);
  compiler::simplify(program);
  std::string dependence = compiler::data_dependence(program);
  compiler::converge(program);
  compiler::schedule(program);
  const compiler::Allocation allocation = compiler::allocate(program, options.max_registers);
  Kernel kernel{program.name,         compiler::emit(program, allocation),
                allocation.registers, program.shared_bytes,
                program.parameters,   program.parameter_bytes,
                std::move(dependence)};
  compiler::set_control_bits(kernel.code);
  return kernel;
}

}  // namespace

std::vector<Kernel> compile(const std::string& text, const CompileOptions& options) {
  std::vector<Kernel> kernels;
  for (const ptx::Function& function : ptx::parse(text)) kernels.push_back(compile(function, options));
  return kernels;
}

Kernel compile(const std::string& text, const std::string& name, const CompileOptions& options) {
  for (const ptx::Function& function : ptx::parse(text))
    if (function.name == name) return compile(function, options);
  throw std::invalid_argument("there is no kernel " + name + " in this PTX");
}

}  // namespace triad::gpu
