#include "models/tpu/program.hpp"

namespace triad::tpu {

namespace {

struct Compiled : TpuProgram::Stream {
  explicit Compiled(std::shared_ptr<const Plan> plan) : compiler(std::move(plan)) {}
  Chunk next() override { return compiler.next(); }
  Compiler compiler;
};

struct Given : TpuProgram::Stream {
  explicit Given(Chunk code) : left(std::move(code)) {
    if (left->empty()) left = nullptr;
  }
  Chunk next() override { return std::exchange(left, nullptr); }
  Chunk left;
};

}  // namespace

std::unique_ptr<TpuProgram::Stream> TpuProgram::open() const {
  if (code_ != nullptr) return std::make_unique<Given>(code_);
  return std::make_unique<Compiled>(plan_);
}

std::string TpuProgram::disassembly() const {
  std::string out;
  const auto stream = open();
  while (const Chunk chunk = stream->next()) {
    for (const Instruction& instruction : *chunk) out += to_string(instruction, parameters_) + "\n";
  }
  return out;
}

std::vector<Instruction>& TpuProgram::code() {
  if (code_ == nullptr) {
    auto all = std::make_shared<std::vector<Instruction>>();
    const auto stream = open();
    while (const Chunk chunk = stream->next()) all->insert(all->end(), chunk->begin(), chunk->end());
    code_ = std::move(all);
  }
  return *code_;
}

}  // namespace triad::tpu
