#include <gtest/gtest.h>

#include <functional>

#include "support.hpp"

/// What goes wrong must be seen: a fault put into data or code changes the loss or stops the run.
namespace triad::gpu {
namespace {

struct Outcome {
  std::vector<double> loss;
  std::string fault;  ///< or empty
  bool operator==(const Outcome&) const = default;
};

class Faults : public testing::Test {
 protected:
  std::unique_ptr<device::Device> device_ = test::make("a100");
  Parameters parameters_ = Parameters::read(test::node("a100"));
  device::Job job_ = test::load("linear", {"steps=2"});
  std::unique_ptr<device::Program> program_ = device_->lower(job_);

  Outcome run(const device::Program& program, const device::Job& job, bool check = true) const {
    try {
      return {test::run(*device_, program, job, {.check = check}).loss, ""};
    } catch (const device::Fault& fault) {
      return {{}, fault.what()};
    }
  }
  std::size_t kernels() const { return dynamic_cast<const GpuProgram&>(*program_).codes.size(); }
  const Kernel& kernel(std::size_t k) const { return dynamic_cast<const GpuProgram&>(*program_).codes[k].kernel(); }
  /// Runs with kernel k changed.
  Outcome run_changed(std::size_t k, const std::function<void(Kernel&)>& change, bool check) const {
    const auto program = test::copy(*program_);
    Kernel changed = kernel(k);
    change(changed);
    program->codes[k] = Code(changed, parameters_.sm);
    return run(*program, job_, check);
  }
};

TEST_F(Faults, AFlippedBitOfAWeightChangesTheLoss) {
  const Outcome good = run(*program_, job_);
  ASSERT_EQ(good.fault, "");
  for (auto& [id, tensor] : job_.initial) {
    for (std::size_t element = 0; element < tensor.bytes.size() / 4; ++element) {
      std::byte& at = tensor.bytes[4 * element + 2];  // mantissa bits 16 to 22
      at ^= std::byte{0x40};
      EXPECT_NE(run(*program_, job_), good) << job_.graph.tensor(id).name << "[" << element << "]";
      at ^= std::byte{0x40};
    }
  }
}

TEST_F(Faults, WithoutStallCountsEveryKernelHasAHazard) {
  for (std::size_t k = 0; k < kernels(); ++k) {
    const Outcome bad = run_changed(
        k,
        [](Kernel& kernel) {
          for (Instruction& i : kernel.code) i.control.stall = 1;
        },
        true);
    EXPECT_NE(bad.fault.find("hazard"), std::string::npos) << kernel(k).name << ": " << bad.fault;
    EXPECT_NE(bad.fault.find("kernel " + kernel(k).name), std::string::npos) << bad.fault;
  }
}

TEST_F(Faults, WithoutWaitMasksEveryKernelHasAHazard) {
  for (std::size_t k = 0; k < kernels(); ++k) {
    const Outcome bad = run_changed(
        k,
        [](Kernel& kernel) {
          for (Instruction& i : kernel.code) i.control.wait_mask = 0;
        },
        true);
    EXPECT_NE(bad.fault.find("hazard"), std::string::npos) << kernel(k).name << ": " << bad.fault;
  }
}

/// What a load brings is late: without the first wait for it there is a hazard. (Other waits may be met by luck, by the
/// time that the instructions between take.)
TEST_F(Faults, WithoutItsFirstWaitForALoadEveryKernelHasAHazard) {
  for (std::size_t k = 0; k < kernels(); ++k) {
    const Outcome bad = run_changed(
        k,
        [](Kernel& kernel) {
          unsigned loads = 0;
          for (Instruction& i : kernel.code) {
            if (i.control.wait_mask & loads) {
              i.control.wait_mask &= static_cast<std::uint8_t>(~loads);
              return;
            }
            if (i.op == Opcode::ldg) loads |= 1u << i.control.write_barrier;
          }
        },
        true);
    EXPECT_NE(bad.fault.find("hazard"), std::string::npos) << kernel(k).name << ": " << bad.fault;
  }
}

/// In a kernel that runs straight through, every instruction counts.
TEST_F(Faults, EveryInstructionOfAKernelWithoutALoopCounts) {
  const Outcome good = run(*program_, job_, false);
  int changed = 0;
  for (std::size_t k = 0; k < kernels(); ++k) {
    if (!kernel(k).name.starts_with("sgd")) continue;
    for (std::size_t pc = 0; pc < kernel(k).code.size(); ++pc) {
      const Instruction& i = kernel(k).code[pc];
      const bool arithmetic = i.op == Opcode::ffma || i.op == Opcode::fmul || i.op == Opcode::fadd;
      if (!arithmetic && i.op != Opcode::ldg && i.op != Opcode::stg) continue;
      const Outcome bad = run_changed(
          k,
          [&](Kernel& kernel) {
            Instruction& altered = kernel.code[pc];
            if (arithmetic) {
              altered.negate_a = !altered.negate_a;
            } else {
              altered.b += 4;
            }
          },
          false);
      EXPECT_NE(bad, good) << kernel(k).name << " " << pc;
      ++changed;
    }
  }
  EXPECT_GE(changed, 8);
}

TEST_F(Faults, AnAddressBeyondTheMemoryIsAFault) {
  for (std::size_t k = 0; k < kernels(); ++k) {
    if (!kernel(k).name.starts_with("sgd")) continue;
    const Outcome bad = run_changed(
        k,
        [](Kernel& kernel) {
          for (Instruction& i : kernel.code) {
            if (i.op == Opcode::stg) i.b = 0x80000000;  // minus 2 GiB
          }
        },
        false);
    EXPECT_NE(bad.fault.find("kernel sgd"), std::string::npos) << bad.fault;
    EXPECT_NE(bad.fault.find("is beyond the 85899345920 bytes"), std::string::npos) << bad.fault;
  }
}

TEST_F(Faults, MaxCyclesStopsARun) {
  EXPECT_THROW(test::run(*device_, *program_, job_, {.check = false, .max_cycles = 1000}), device::Fault);
}

}  // namespace
}  // namespace triad::gpu
