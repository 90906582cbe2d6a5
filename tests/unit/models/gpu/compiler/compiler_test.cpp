#include "models/gpu/compiler/compile.hpp"

#include <gtest/gtest.h>

#include "../kernels/interpreter.hpp"
#include "models/gpu/compiler/error.hpp"
#include "models/gpu/compiler/passes.hpp"
#include "models/gpu/kernels/kernels.hpp"

namespace triad::gpu {
namespace {

/// A kernel of one parameter, `out`: the address of a word per thread of one block is in %rd9. The body begins in
/// line 11.
std::string kernel(const std::string& body) {
  return R"(.version 7.5
.target sm_80
.address_size 64
.visible .entry k(.param .u64 k_out) {
.reg .pred %p<32>; .reg .b32 %r<64>; .reg .f32 %f<64>; .reg .b64 %rd<64>;
ld.param.u64 %rd1, [k_out];
cvta.to.global.u64 %rd2, %rd1;
mov.u32 %r1, %tid.x;
mul.wide.u32 %rd3, %r1, 4;
add.s64 %rd9, %rd2, %rd3;
)" + body +
         "\n}\n";
}

/// The words that the kernel's threads leave in `out`.
std::vector<std::uint32_t> results(const Kernel& k, std::uint32_t threads) {
  test::Memory memory;
  const std::uint64_t out = memory.put(std::vector<std::uint32_t>(threads, 0));
  test::run(k, {1, 1, 1}, {threads, 1, 1}, {out}, memory);
  return memory.get<std::uint32_t>(out, threads);
}
std::vector<std::uint32_t> results(const std::string& body, std::uint32_t threads = 70) {
  return results(compile(kernel(body), "k"), threads);
}

std::string error_of(const std::string& text, const CompileOptions& options = {}) {
  try {
    compile(text, options);
  } catch (const CompileError& error) {
    return error.what();
  }
  return "no error";
}
void expect_error(const std::string& body, const std::string& what) {
  EXPECT_NE(error_of(kernel(body)).find(what), std::string::npos) << error_of(kernel(body));
}

int count(const Kernel& k, Opcode op) {
  return static_cast<int>(
      std::count_if(k.code.begin(), k.code.end(), [&](const Instruction& i) { return i.op == op; }));
}

/// Where an opcode stands first, from `from` on.
std::size_t position(const Kernel& k, Opcode op, std::size_t from = 0) {
  while (from < k.code.size() && k.code[from].op != op) ++from;
  return from;
}

TEST(Errors, NameTheLineAndWhatIsWrong) {
  expect_error("add.s32 %r2, %r1, 1;\nsin.approx.f32 %f1, %f2;\nret;",
               "PTX line 12: opcode sin.approx.f32 is not supported");
  expect_error("add.f64 %rd4, %rd5, %rd6; ret;", "PTX line 11: opcode add.f64");
  expect_error("ld.local.u32 %r2, [%rd9]; ret;", "opcode ld.local.u32");
  expect_error("ex2.approx.ftz.f32 %f1, %f2; ret;", "opcode ex2.approx.ftz.f32");
  expect_error("atom.global.add.u32 %r2, [%rd9], 1; ret;", "opcode atom.global.add.u32");
  expect_error("ld.global.v2.f32 {%f1, %f2}, [%rd9]; ret;", "vector operands");
  expect_error("bra NOWHERE; ret;", "label NOWHERE does not exist");
  expect_error("add.s32 %q2, %r1, 1; ret;", "register %q2 is not declared");
  expect_error("add.s32 %rd2, %r1, 1; ret;", "register %rd2 is not of 32 bits");
  expect_error("add.s32 %r2, %r1; ret;", "too few operands");
  expect_error("add.s32 %r2 %r1, 1; ret;", "found \"%r1\" after an operand of add.s32");
  expect_error("mov.u32 %r2, %clock; ret;", "special register %clock");
  expect_error("L: L: ret;", "label L is defined twice");
  expect_error("L: bra L;", "endless loop");
  expect_error("add.s32 %r2, %r1, 1;", "does not end in ret");
  expect_error("ld.param.u32 %r2, [other]; ret;", "parameter other does not exist");
  EXPECT_EQ(error_of(".version 7.5\n.func f() { }"),
            "PTX line 2: .func is not supported outside a kernel (calls: let the compiler inline the function)");
  EXPECT_NE(error_of(".version 7.5\n.visible .entry k(.param .u64 a").find("PTX line 2"), std::string::npos);
  EXPECT_NE(error_of("/* open").find("comment without an end"), std::string::npos);
  EXPECT_THROW(compile(kernel("ret;"), "other"), std::invalid_argument);
}

TEST(Errors, TooManyRegisters) {
  // 40 loaded words live at once, then added up.
  std::string body;
  for (int i = 10; i < 50; ++i) body += "ld.global.u32 %r" + std::to_string(i) + ", [%rd9];\n";
  body += "mov.u32 %r2, 0;\n";
  for (int i = 10; i < 50; ++i) body += "add.s32 %r2, %r2, %r" + std::to_string(i) + ";\n";
  body += "st.global.u32 [%rd9], %r2; ret;";
  EXPECT_NE(error_of(kernel(body), {32}).find("needs more than 32 registers"), std::string::npos);
  const Kernel fits = compile(kernel(body), "k", {50});
  EXPECT_GE(fits.registers_per_thread, 40);
  EXPECT_LE(fits.registers_per_thread, 50);
}

TEST(Selection, ArithmeticOf64Bits) {
  const auto values = results(R"(
cvt.u64.u32 %rd4, %r1;
add.s64 %rd5, %rd4, 4294967295;
mul.lo.s64 %rd6, %rd5, %rd5;
shr.u64 %rd7, %rd6, 7;
shl.b64 %rd8, %rd7, 35;
sub.s64 %rd10, %rd6, %rd8;
shr.s64 %rd11, %rd10, 36;
xor.b64 %rd12, %rd11, %rd6;
setp.lt.s64 %p1, %rd12, %rd4;
selp.b64 %rd13, %rd12, %rd10, %p1;
shr.u64 %rd14, %rd13, 32;
cvt.u32.u64 %r3, %rd14;
cvt.u32.u64 %r4, %rd13;
xor.b32 %r5, %r3, %r4;
st.global.u32 [%rd9], %r5;
ret;)");
  for (std::uint64_t t = 0; t < values.size(); ++t) {
    const std::uint64_t rd5 = t + 4294967295u, rd6 = rd5 * rd5, rd8 = (rd6 >> 7) << 35, rd10 = rd6 - rd8;
    const std::uint64_t rd12 = static_cast<std::uint64_t>(static_cast<std::int64_t>(rd10) >> 36) ^ rd6;
    const std::uint64_t rd13 = static_cast<std::int64_t>(rd12) < static_cast<std::int64_t>(t) ? rd12 : rd10;
    EXPECT_EQ(values[t], static_cast<std::uint32_t>(rd13 >> 32) ^ static_cast<std::uint32_t>(rd13)) << t;
  }
}

TEST(Selection, FoldsParametersConstantsAndAddresses) {
  // s2r, address as one imad.wide of the parameter, value as an immediate of the addition: nothing else.
  const Kernel k = compile(kernel("mov.u32 %r2, 5;\nadd.s32 %r3, %r1, %r2;\nst.global.u32 [%rd9+4], %r3;\nret;"), "k");
  EXPECT_EQ(count(k, Opcode::s2r), 1);
  EXPECT_EQ(count(k, Opcode::imad_wide), 1);
  EXPECT_EQ(count(k, Opcode::iadd3), 1);
  EXPECT_EQ(count(k, Opcode::mov), 2);  // the parameter, as the pair that imad.wide adds
  EXPECT_EQ(k.code.size(), 7u);
}

TEST(Selection, DivisionWithinTwoUnits) {
  // out[t] = 2^(4 t - 140) / (3 * 2^(4 t - 139)) = 1/6 for every magnitude of the operands.
  const auto values = results(R"(
cvt.rn.f32.u32 %f1, %r1;
fma.rn.f32 %f2, %f1, 0f40800000, 0fC30C0000;
ex2.approx.f32 %f3, %f2;
add.f32 %f4, %f3, %f3;
mul.f32 %f5, %f4, 0f40400000;
div.full.f32 %f6, %f3, %f5;
st.global.f32 [%rd9], %f6;
ret;)",
                              66);
  for (const std::uint32_t bits : values) EXPECT_NEAR(numerics::float_of(bits), 1.0f / 6.0f, 2 * 0x1p-27f);
}

TEST(Allocation, PredicatesBeyondSevenLiveInRegisters) {
  std::string body, sum;
  for (int i = 0; i < 12; ++i) {
    const std::string n = std::to_string(i);
    body += "shr.u32 %r20, %r1, " + std::to_string(i % 7) + ";\nand.b32 %r21, %r20, 1;\nsetp.eq.s32 %p" + n +
            ", %r21, " + std::to_string(i & 1) + ";\n";
    sum += "selp.b32 %r22, " + std::to_string(1 << i) + ", 0, %p" + n + ";\nadd.s32 %r2, %r2, %r22;\n";
  }
  const std::string text = kernel(body + "mov.u32 %r2, 0;\n" + sum + "st.global.u32 [%rd9], %r2; ret;");
  const auto values = results(compile(text, "k"), 100);
  for (std::uint32_t t = 0; t < values.size(); ++t) {
    std::uint32_t expected = 0;
    for (std::uint32_t i = 0; i < 12; ++i) expected += ((t >> (i % 7)) & 1u) == (i & 1u) ? 1u << i : 0u;
    EXPECT_EQ(values[t], expected);
  }
}

TEST(Allocation, LivenessEndsAtTheLastUse) {
  // Entry defines r2 and r3; only r2 is read in the loop, only r3 after it.
  const auto functions = ptx::parse(kernel(R"(
mov.u32 %r2, %tid.x;
mov.u32 %r3, %tid.y;
LOOP: add.s32 %r2, %r2, -1;
setp.gt.s32 %p1, %r2, 0;
@%p1 bra LOOP;
st.global.u32 [%rd9], %r3;
ret;)"));
  compiler::Program program = compiler::select(functions[0]);
  compiler::arrange(program);
  ASSERT_EQ(program.blocks.size(), 3u);
  const compiler::Liveness live = compiler::liveness(program);
  int r2 = -1, r3 = -1;
  for (const compiler::Virtual& i : program.blocks[0].code)
    if (i.base.op == Opcode::s2r) (i.base.selector == static_cast<int>(Special::tid_y) ? r3 : r2) = i.d;
  const auto w = [](int word) { return static_cast<std::size_t>(word); };
  EXPECT_TRUE(live.words_out[0][w(r2)]);
  EXPECT_TRUE(live.words_out[0][w(r3)]);
  EXPECT_TRUE(live.words_out[1][w(r3)]);
  EXPECT_TRUE(live.words_out[1][w(r2)]);  // around the loop
  EXPECT_FALSE(live.words_out[2][w(r3)]);
  const compiler::Allocation allocation = compiler::allocate(program, 255);
  EXPECT_NE(allocation.words[w(r2)], allocation.words[w(r3)]);
}

/// Lanes count down from their number; those with an odd number leave by another way; then all meet at one point.
const char* const nested = R"(
mov.u32 %r2, %r1;
mov.u32 %r3, 0;
OUTER: setp.eq.s32 %p1, %r2, 0;
@%p1 bra DONE;
and.b32 %r4, %r2, 3;
setp.eq.s32 %p2, %r4, 0;
@%p2 bra EVEN;
mov.u32 %r5, %r4;
INNER: add.s32 %r3, %r3, %r5;
add.s32 %r5, %r5, -1;
setp.gt.s32 %p3, %r5, 0;
@%p3 bra INNER;
bra.uni NEXT;
EVEN: add.s32 %r3, %r3, 100;
setp.gt.s32 %p4, %r3, 1000;
@%p4 bra DONE;
NEXT: add.s32 %r2, %r2, -1;
bra.uni OUTER;
DONE: st.global.u32 [%rd9], %r3;
ret;)";

TEST(Divergence, NestedLoopsWithABreakMeetAgain) {
  const Kernel k = compile(kernel(nested), "k");
  const auto values = results(k, 70);
  for (std::uint32_t t = 0; t < values.size(); ++t) {
    std::uint32_t sum = 0;
    for (std::uint32_t n = t; n > 0; --n) {
      if (n % 4 == 0) {
        sum += 100;
        if (sum > 1000) break;
      } else {
        for (std::uint32_t i = n % 4; i > 0; --i) sum += i;
      }
    }
    EXPECT_EQ(values[t], sum) << t;
  }
  EXPECT_GE(count(k, Opcode::bsync), 2);  // before DONE and before NEXT at least
}

TEST(Divergence, UniformBranchesNeedNoBarrier) {
  const Kernel k = compile(kernel(R"(
mov.u32 %r2, %ntid.x;
mov.u32 %r3, 0;
LOOP: add.s32 %r3, %r3, %r1;
add.s32 %r2, %r2, -1;
setp.gt.s32 %p1, %r2, 0;
@%p1 bra LOOP;
st.global.u32 [%rd9], %r3;
ret;)"),
                           "k");
  EXPECT_EQ(count(k, Opcode::bssy), 0);
  EXPECT_EQ(count(k, Opcode::bsync), 0);
  const auto values = results(k, 40);
  for (std::uint32_t t = 0; t < 40; ++t) EXPECT_EQ(values[t], 40 * t);
}

TEST(Divergence, ABarrierIsSetBeforeTheLoopThatLanesLeave) {
  const Kernel k = compile(kernel(R"(
mov.u32 %r2, %r1;
LOOP: add.s32 %r2, %r2, -1;
setp.gt.s32 %p1, %r2, 0;
@%p1 bra LOOP;
st.global.u32 [%rd9], %r2;
ret;)"),
                           "k");
  ASSERT_EQ(count(k, Opcode::bssy), 1);
  std::size_t bssy = 0, branch = 0;
  for (std::size_t n = 0; n < k.code.size(); ++n) {
    if (k.code[n].op == Opcode::bssy) bssy = n;
    if (k.code[n].op == Opcode::bra) branch = n;
  }
  EXPECT_EQ(k.code[branch].b, bssy + 1);  // the loop begins behind it
  EXPECT_EQ(k.code[k.code[bssy].b].op, Opcode::bsync);
}

TEST(Divergence, MoreMeetingsThanRegistersOneAfterTheOther) {
  std::string body = "mov.u32 %r2, 0;\n";
  for (int i = 0; i < 40; ++i) {
    const std::string n = std::to_string(i);
    body += "setp.gt.u32 %p1, %r1, " + n + ";\n@%p1 bra L" + n + ";\nadd.s32 %r2, %r2, " + n + ";\nL" + n + ":\n";
  }
  const auto values = results(body + "st.global.u32 [%rd9], %r2; ret;", 64);
  for (std::uint32_t t = 0; t < 64; ++t)
    EXPECT_EQ(values[t], t > 39 ? 0 : 39 * 40 / 2 - (t == 0 ? 0 : t * (t - 1) / 2));
}

/// Does the interpreter, which checks control bits, object?
bool objects(const Kernel& k) {
  try {
    results(k, 70);
  } catch (const std::runtime_error&) {
    return true;
  }
  return false;
}

TEST(ControlBits, EveryStallAndEveryWaitIsNeeded) {
  const Kernel k = compile(kernel(nested), "k");
  ASSERT_FALSE(objects(k));
  int stalls = 0;
  for (std::size_t n = 0; n + 1 < k.code.size(); ++n) {
    if (k.code[n].control.stall > 1) {
      Kernel faster = k;
      --faster.code[n].control.stall;
      EXPECT_TRUE(objects(faster)) << n << " " << disassemble(k.code[n], true);
      ++stalls;
    }
    if (k.code[n].control.wait_mask != 0) {
      Kernel hasty = k;
      hasty.code[n].control.wait_mask = 0;
      EXPECT_TRUE(objects(hasty)) << n << " " << disassemble(k.code[n], true);
    }
  }
  EXPECT_GT(stalls, 3);
}

TEST(ControlBits, DependentArithmeticIsFourCyclesApart) {
  const Kernel k =
      compile(kernel("add.s32 %r2, %r1, 1;\nadd.s32 %r3, %r2, %r2;\nst.global.u32 [%rd9], %r3;\nret;"), "k");
  const std::size_t first = position(k, Opcode::iadd3), second = position(k, Opcode::iadd3, first + 1);
  ASSERT_LT(second, k.code.size());
  int cycles = 0;
  for (std::size_t n = first; n < second; ++n) cycles += k.code[n].control.stall;
  EXPECT_EQ(cycles, 4);  // the latency of iadd3, whatever issues in between
}

TEST(Scheduling, LoadsComeBeforeWorkThatDoesNotNeedThem) {
  const Kernel k = compile(kernel(R"(
ld.global.u32 %r2, [%rd9];
add.s32 %r3, %r2, 1;
ld.global.u32 %r4, [%rd9+4];
add.s32 %r5, %r4, %r3;
ld.global.u32 %r6, [%rd9+8];
add.s32 %r7, %r6, %r5;
st.global.u32 [%rd9], %r7;
ret;)"),
                           "k");
  const std::size_t first = position(k, Opcode::ldg);
  EXPECT_EQ(k.code[first + 1].op, Opcode::ldg);
  EXPECT_EQ(k.code[first + 2].op, Opcode::ldg);
}

TEST(Scheduling, LoadsPassNeitherStoresNorBarriers) {
  const Kernel k = compile(kernel(R"(
.shared .align 4 .b8 box[512];
mov.u64 %rd4, box;
add.s64 %rd5, %rd4, %rd3;
st.shared.u32 [%rd5], %r1;
ld.shared.u32 %r2, [%rd5+4];
bar.sync 0;
ld.shared.u32 %r3, [%rd5+8];
add.s32 %r4, %r2, %r3;
st.global.u32 [%rd9], %r4;
ret;)"),
                           "k");
  EXPECT_EQ(k.shared_bytes, 512);
  const std::size_t store = position(k, Opcode::sts), load = position(k, Opcode::lds),
                    barrier = position(k, Opcode::bar);
  EXPECT_LT(store, load);
  EXPECT_LT(load, barrier);
  EXPECT_LT(barrier, position(k, Opcode::lds, load + 1));
}

TEST(Compiler, GivesTheSameCodeEveryTime) {
  for (const PtxSource& source : ptx_sources()) {
    const auto once = compile(std::string(source.text)), again = compile(std::string(source.text));
    ASSERT_EQ(once.size(), again.size());
    for (std::size_t i = 0; i < once.size(); ++i) {
      EXPECT_EQ(once[i].code, again[i].code);
      for (const Instruction& instruction : once[i].code) EXPECT_EQ(decode(encode(instruction)), instruction);
    }
  }
}

}  // namespace
}  // namespace triad::gpu
