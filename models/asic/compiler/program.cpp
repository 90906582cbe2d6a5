#include "models/asic/compiler/program.hpp"

#include <fmt/format.h>

namespace triad::asic {

std::string Program::disassembly() const {
  std::string text;
  for (std::size_t i = 0; i < stream.size(); ++i) text += fmt::format("{:4}: {}\n", i, isa::disassemble(stream[i]));
  return text;
}

}  // namespace triad::asic
