#include <gtest/gtest.h>

#include <random>

#include "models/asic/isa/fields.hpp"

/// The binary form of a layer descriptor.
namespace triad::asic::isa {
namespace {

/// Gives every field a value of its own, or, with `over`, one field the first that does not fit.
class Filler {
 public:
  explicit Filler(std::uint64_t seed, int over = -1) : engine_(seed), over_(over) {}
  template <class T>
  void field(const std::string& name, int bits, bool is_signed, T& value) {
    if (number_++ == over_ && bits > 1 && bits < static_cast<int>(8 * sizeof(T))) {
      over_name = name;
      value = static_cast<T>(std::int64_t{1} << (is_signed ? bits - 1 : bits));
      return;
    }
    if (name == "argument") return;  // of a term: set below, earlier terms only
    auto raw = static_cast<std::int64_t>(engine_() & ((std::uint64_t{1} << bits) - 1));
    if (is_signed) raw -= std::int64_t{1} << (bits - 1);
    if (name == "flying") raw = 0;
    if (name.ends_with(".term")) raw = 0;
    value = static_cast<T>(raw);
  }
  template <class T>
  void code(const std::string& name, int, T& value, int count) {
    ++number_;
    if (name != "engine") value = static_cast<T>(engine_() % static_cast<unsigned>(count));
    if (name == "function") value = static_cast<T>(1);  // a constant reads nothing
  }
  template <class T>
  void length(const std::string& name, int, std::vector<T>& list, int most) {
    ++number_;
    list.resize(1 + engine_() % static_cast<unsigned>(name == "terms" ? 9 : most));
  }
  template <class T>
  void resize(std::vector<T>& list, std::size_t size) {
    list.resize(size);
  }
  int fields() const { return number_; }
  std::string over_name;

 private:
  std::mt19937_64 engine_;
  int over_, number_ = 0;
};

Descriptor filled(Engine engine, std::uint64_t seed) {
  Descriptor d;
  d.engine = engine;
  Filler filler(seed);
  visit(filler, d);
  return d;
}

TEST(Descriptor, DecodingIsTheInverseOfEncoding) {
  for (int e = 0; e < engine_count; ++e) {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
      const Descriptor d = filled(static_cast<Engine>(e), seed);
      const auto words = encode(d);
      EXPECT_EQ(words.size() % line_words, 0u);
      EXPECT_EQ(static_cast<std::size_t>(lines_of(words[0])) * line_words, words.size());
      EXPECT_EQ(decode(words), d) << disassemble(d);
    }
  }
}

/// Every bit of the encoded form matters, up to the padding of the last line: no field is written twice or not at all.
TEST(Descriptor, EveryBitArrives) {
  const Descriptor d = filled(Engine::gemm, 1);
  auto words = encode(d);
  int changed = 0, codes = 0;
  for (std::size_t bit = 8; bit < 32 * words.size(); ++bit) {
    words[bit / 32] ^= 1u << (bit % 32);
    try {
      changed += decode(words) != d;
    } catch (const std::invalid_argument&) {
      ++codes;  // a code without a meaning
    }
    words[bit / 32] ^= 1u << (bit % 32);
  }
  // engine 4, tag 20, flying 1, six waits of 32; the product's shape: five of 32, one bit, two of 32, storage and parts
  // 2 each, four of 8 for banks; two matrices of 48 + 48 + 24, batch 48, three times (32 + 40) x 2, one bit, and guards
  // of 2 x 96 where there are
  int guards = 0;
  for (const Matrix* m : {&d.gemm.a, &d.gemm.b}) guards += m->guarded ? 192 : 0;
  EXPECT_EQ(changed + codes, 4 + 20 + 1 + 192 + (5 * 32 + 1 + 64 + 4 + 32) + 2 * (120 + 48 + 432 + 1) + guards);
}

TEST(Descriptor, ValuesThatDoNotFitAreErrors) {
  for (const Engine engine : {Engine::gemm, Engine::pointwise, Engine::pooling, Engine::indexed}) {
    Descriptor fits;
    fits.engine = engine;
    Filler count(7);
    visit(count, fits);
    int tried = 0;
    for (int field = 0; field < count.fields(); ++field) {
      Descriptor d;
      d.engine = engine;
      Filler filler(7, field);
      visit(filler, d);
      if (filler.over_name.empty()) continue;
      ++tried;
      try {
        encode(d);
        FAIL() << filler.over_name;
      } catch (const std::out_of_range& error) {
        EXPECT_NE(std::string(error.what()).find(filler.over_name), std::string::npos) << error.what();
      }
    }
    EXPECT_GT(tried, 8);
  }
}

Descriptor doubled() {
  Descriptor d;
  d.engine = Engine::pointwise;
  d.axes = {{7, false, Role::batch}};
  d.operands = {{{0x1200, 0, 1}, Storage::fp32, 0, {1}}};
  d.results = {{{0x2400, 0, 1}, Storage::bf16, 1, {1}}};
  d.terms = {{graph::Function::operand, {0, -1, -1}, 0}, {graph::Function::add, {0, 0, -1}, 0}};
  return d;
}

TEST(Descriptor, ProgramsWithoutMeaningAreErrors) {
  EXPECT_EQ(decode(encode(doubled())), doubled());
  const auto rejected = [](auto change) {
    Descriptor d = doubled();
    change(d);
    EXPECT_THROW(decode(encode(d)), std::invalid_argument) << disassemble(d);
  };
  rejected([](Descriptor& d) { d.terms[1].arguments[0] = 1; });  // itself
  rejected([](Descriptor& d) { d.terms[0].arguments[0] = 1; });  // an operand that is not there
  rejected([](Descriptor& d) { d.results[0].term = 2; });
  rejected([](Descriptor& d) { d.terms[0].function = graph::Function::coordinate, d.terms[0].arguments[0] = 1; });
  auto words = encode(doubled());
  words[0] |= 0xf00;  // engine 15
  EXPECT_THROW(decode(words), std::invalid_argument);
  EXPECT_THROW(decode(std::span(words).first(2)), std::invalid_argument);
}

TEST(Descriptor, DisassemblyNamesWhatIsSet) {
  EXPECT_EQ(disassemble(doubled()),
            "pointwise axes=1 extent=7 operands=1 results=1 x0.base=0x1200 x0.period=1 x0.stride=1 y0.base=0x2400 "
            "y0.period=1 y0.storage=1 y0.term=1 y0.stride=1 terms=2 operand argument=-1 argument=-1 add argument=-1");
}

}  // namespace
}  // namespace triad::asic::isa
