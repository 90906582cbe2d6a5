#include "models/tpu/isa.hpp"

#include <fmt/core.h>

namespace triad::tpu {

namespace {

std::string text(const Block& b) {
  return fmt::format("[{:#x} {}x{} pitch {} {}]", b.address, b.rows, b.columns, b.pitch, numerics::to_string(b.format));
}

struct Body {
  std::string operator()(const Transfer& t) const {
    return fmt::format("{} memory {:#x} stride {} step {}", text(t.block), t.memory.base, t.stride, t.memory.stride);
  }
  std::string operator()(const LoadWeights& w) const {
    return fmt::format("weights {} part {}", text(w.weights), w.part);
  }
  std::string operator()(const MatrixMultiply& m) const {
    return fmt::format("multiply{} {} part {} {} {}", m.swap ? " swap" : "", text(m.rows), m.part,
                       m.accumulate ? "+=>" : "=>", text(m.result));
  }
  std::string operator()(const Vector& v) const {
    std::string out = graph::to_string(v.function);
    for (const Block& block : v.inputs) out += " " + text(block);
    out += v.accumulate ? " +=>" : " =>";
    for (const Block& block : v.outputs) out += " " + text(block);
    return out + fmt::format(" scale {} momentum {}", v.scale, v.momentum);
  }
  std::string operator()(const Transpose& t) const { return fmt::format("{} => {}", text(t.from), text(t.to)); }
};

}  // namespace

std::string to_string(const Instruction& instruction, const Parameters& parameters) {
  std::string out =
      fmt::format("{:12} {}", parameters.unit_name(instruction.unit), std::visit(Body{}, instruction.body));
  for (const Wait& wait : instruction.waits)
    out += fmt::format(" wait({} {})", parameters.unit_name(wait.unit), wait.count);
  return out;
}

}  // namespace triad::tpu
