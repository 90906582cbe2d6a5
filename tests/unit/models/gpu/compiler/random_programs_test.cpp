#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <random>

#include "../kernels/interpreter.hpp"
#include "models/gpu/compiler/compile.hpp"

// Random structured programs (nested conditions, loops with breaks and continues, all of them on values that differ
// between lanes) give every thread what the same program gives when a host runs it for that thread alone; the
// interpreter checks control bits and that lanes meet.
namespace triad::gpu {
namespace {

constexpr int variables = 6;

struct Statement;
using Body = std::vector<Statement>;
struct Statement {
  enum class Kind { assign, condition, loop, leave, again } kind = Kind::assign;
  int operation = 0, target = 0, left = 0, right = 0;  ///< variables; for a condition left is compared with `constant`
  std::uint32_t constant = 0;
  int identity = 0;  ///< of a loop
  Body body, otherwise;
};

class Generator {
 public:
  explicit Generator(unsigned seed) : engine_(seed) {}
  Body body(int depth, int loop) {
    Body result;
    for (int n = pick(1, 4); n > 0; --n) result.push_back(statement(depth, loop));
    return result;
  }

 private:
  int pick(int low, int high) { return low + static_cast<int>(engine_() % static_cast<unsigned>(high - low + 1)); }
  Statement statement(int depth, int loop) {
    Statement s;
    s.operation = pick(0, 6);
    s.target = pick(0, variables - 1);
    s.left = pick(0, variables - 1);
    s.right = pick(0, variables - 1);
    s.constant = static_cast<std::uint32_t>(pick(0, 40));
    s.identity = loop;
    const int kind = pick(0, 9);
    if (depth > 0 && kind < 3) {
      s.kind = Statement::Kind::condition;
      s.body = body(depth - 1, loop);
      if (pick(0, 1) == 0) s.otherwise = body(depth - 1, loop);
    } else if (depth > 0 && kind < 5) {
      s.kind = Statement::Kind::loop;
      s.identity = ++loops_;
      s.body = body(depth - 1, s.identity);
    } else if (loop > 0 && kind == 5) {
      s.kind = pick(0, 1) == 0 ? Statement::Kind::leave : Statement::Kind::again;
    }
    return s;
  }
  std::mt19937 engine_;
  int loops_ = 0;
};

std::uint32_t apply(const Statement& s, std::uint32_t a, std::uint32_t b) {
  switch (s.operation) {
    case 0:
      return a + b;
    case 1:
      return a - b;
    case 2:
      return a * b + s.constant;
    case 3:
      return a & (b + s.constant);
    case 4:
      return a ^ s.constant;
    case 5:
      return a << (s.constant % 32);
    default:
      return a < b ? a : b;
  }
}

/// How a body was left: to its end, by leaving the loop, by going to its next round.
enum class Left { end, leave, again };
Left run(const Body& body, std::uint32_t (&v)[variables]) {
  for (const Statement& s : body) {
    const bool holds = v[s.left] % 64 > s.constant;
    switch (s.kind) {
      case Statement::Kind::assign:
        v[s.target] = apply(s, v[s.left], v[s.right]);
        break;
      case Statement::Kind::condition:
        if (const Left left = run(holds ? s.body : s.otherwise, v); left != Left::end) return left;
        break;
      case Statement::Kind::loop:
        for (std::uint32_t rounds = v[s.left] % 4 + 1; rounds > 0; --rounds)
          if (run(s.body, v) == Left::leave) break;
        break;
      case Statement::Kind::leave:
      case Statement::Kind::again:
        if (holds) return s.kind == Statement::Kind::leave ? Left::leave : Left::again;
        break;
    }
  }
  return Left::end;
}

class Writer {
 public:
  std::string text(const Body& program) {
    out_ = R"(.version 7.5
.target sm_80
.address_size 64
.visible .entry k(.param .u64 k_out) {
.reg .pred %p<400>; .reg .b32 %r<900>; .reg .b64 %rd<9>;
ld.param.u64 %rd1, [k_out];
mov.u32 %r100, %tid.x;
mul.wide.u32 %rd2, %r100, 4;
add.s64 %rd3, %rd1, %rd2;
)";
    for (int i = 0; i < variables; ++i)
      line("mad.lo.s32 " + variable(i) + ", %r100, " + std::to_string(i * i + 1) + ", " + std::to_string(i) + ";");
    body(program);
    line("mov.u32 %r101, 0;");
    for (int i = 0; i < variables; ++i) {
      line("mul.lo.s32 %r101, %r101, 31;");
      line("add.s32 %r101, %r101, " + variable(i) + ";");
    }
    line("st.global.u32 [%rd3], %r101; ret; }");
    return out_;
  }

 private:
  void line(const std::string& text) { out_ += text + "\n"; }
  static std::string variable(int i) { return "%r" + std::to_string(i); }
  std::string fresh_word() { return "%r" + std::to_string(200 + words_++); }
  /// A predicate that holds where the condition of the statement does not.
  std::string negated(const Statement& s) {
    const std::string word = fresh_word(), predicate = "%p" + std::to_string(predicates_++);
    line("and.b32 " + word + ", " + variable(s.left) + ", 63;");
    line("setp.le.u32 " + predicate + ", " + word + ", " + std::to_string(s.constant) + ";");
    return predicate;
  }
  void body(const Body& statements) {
    for (const Statement& s : statements) statement(s);
  }
  void statement(const Statement& s) {
    const std::string d = variable(s.target), a = variable(s.left), b = variable(s.right),
                      c = std::to_string(s.constant);
    const std::string n = std::to_string(labels_++), loop = std::to_string(s.identity);
    switch (s.kind) {
      case Statement::Kind::assign:
        assign(s, d, a, b, c);
        break;
      case Statement::Kind::condition:
        line("@" + negated(s) + " bra ELSE" + n + ";");
        body(s.body);
        line("bra.uni END" + n + ";");
        line("ELSE" + n + ":");
        body(s.otherwise);
        line("END" + n + ":");
        break;
      case Statement::Kind::loop: {
        const std::string rounds = fresh_word(), predicate = "%p" + std::to_string(predicates_++);
        line("and.b32 " + rounds + ", " + a + ", 3;");
        line("add.s32 " + rounds + ", " + rounds + ", 1;");
        line("HEAD" + loop + ":");
        body(s.body);
        line("NEXT" + loop + ": add.s32 " + rounds + ", " + rounds + ", -1;");
        line("setp.ne.s32 " + predicate + ", " + rounds + ", 0;");
        line("@" + predicate + " bra HEAD" + loop + ";");
        line("AFTER" + loop + ":");
        break;
      }
      case Statement::Kind::leave:
        line("@!" + negated(s) + " bra AFTER" + loop + ";");
        break;
      case Statement::Kind::again:
        line("@!" + negated(s) + " bra NEXT" + loop + ";");
        break;
    }
  }
  void assign(const Statement& s, const std::string& d, const std::string& a, const std::string& b,
              const std::string& c) {
    const std::string word = fresh_word();
    switch (s.operation) {
      case 0:
        return line("add.s32 " + d + ", " + a + ", " + b + ";");
      case 1:
        return line("sub.s32 " + d + ", " + a + ", " + b + ";");
      case 2:
        return line("mad.lo.s32 " + d + ", " + a + ", " + b + ", " + c + ";");
      case 3:
        return line("add.s32 " + word + ", " + b + ", " + c + "; and.b32 " + d + ", " + a + ", " + word + ";");
      case 4:
        return line("xor.b32 " + d + ", " + a + ", " + c + ";");
      case 5:
        return line("shl.b32 " + d + ", " + a + ", " + std::to_string(s.constant % 32) + ";");
      default:
        return line("min.u32 " + d + ", " + a + ", " + b + ";");
    }
  }
  std::string out_;
  int words_ = 0, predicates_ = 0, labels_ = 0;
};

TEST(RandomPrograms, GiveEveryThreadItsOwnResult) {
  constexpr std::uint32_t threads = 37;
  std::size_t loops_and_branches = 0;
  for (unsigned seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    const Body program = Generator(seed).body(4, 0);
    const Kernel kernel = compile(Writer().text(program), "k");
    test::Memory memory;
    const std::uint64_t out = memory.put(std::vector<std::uint32_t>(threads, 0));
    test::run(kernel, {1, 1, 1}, {threads, 1, 1}, {out}, memory);
    const auto actual = memory.get<std::uint32_t>(out, threads);
    for (std::uint32_t t = 0; t < threads; ++t) {
      std::uint32_t v[variables], expected = 0;
      for (std::uint32_t i = 0; i < variables; ++i) v[i] = t * (i * i + 1) + i;
      run(program, v);
      for (const std::uint32_t value : v) expected = expected * 31 + value;
      ASSERT_EQ(actual[t], expected) << "thread " << t << "\n" << Writer().text(program);
    }
    for (const Instruction& i : kernel.code) loops_and_branches += i.op == Opcode::bssy;
  }
  EXPECT_GT(loops_and_branches, 500u);  // the programs do diverge
}

}  // namespace
}  // namespace triad::gpu
