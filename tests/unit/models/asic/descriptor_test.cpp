#include <gtest/gtest.h>

#include <bit>
#include <random>

#include "models/asic/isa/descriptor.hpp"

/// The binary form of a layer descriptor.
namespace triad::asic::isa {
namespace {

Descriptor random_descriptor(std::mt19937_64& engine) {
  Descriptor d;
  for (const FieldInfo& info : fields()) {
    std::int64_t value = static_cast<std::int64_t>(engine() & ((std::uint64_t{1} << info.bits) - 1));
    if (info.is_signed) value -= std::int64_t{1} << (info.bits - 1);
    d.set(info.field, value);
  }
  d.set(Field::engine, static_cast<std::int64_t>(engine() % engine_count));
  d.set(Field::function, static_cast<std::int64_t>(engine() % function_count));
  d.set(Field::operand, static_cast<std::int64_t>(engine() % 5));
  d.set(Field::storage_in, static_cast<std::int64_t>(engine() % 3));
  d.set(Field::storage_out, static_cast<std::int64_t>(engine() % 3));
  return d;
}

TEST(Descriptor, DecodingIsTheInverseOfEncoding) {
  std::mt19937_64 engine(1);
  for (int i = 0; i < 200; ++i) {
    const Descriptor d = random_descriptor(engine);
    EXPECT_EQ(decode(encode(d)), d) << disassemble(d);
  }
}

/// No two fields share a bit, and every bit of a field arrives.
TEST(Descriptor, EveryFieldHasItsOwnBits) {
  Encoded used{};
  for (const FieldInfo& info : fields()) {
    for (int bit = 0; bit < info.bits; ++bit) {
      Descriptor d;
      std::int64_t value = std::int64_t{1} << bit;
      if (info.is_signed && bit == info.bits - 1) value = -value;
      d.set(info.field, value);
      const Encoded words = encode(d);
      int set = 0;
      for (std::size_t w = 0; w < words.size(); ++w) {
        set += std::popcount(words[w]);
        EXPECT_EQ(words[w] & used[w], 0u) << info.name << " bit " << bit;
        used[w] |= words[w];
      }
      EXPECT_EQ(set, 1) << info.name << " bit " << bit;
    }
  }
}

TEST(Descriptor, ValuesThatDoNotFitAreErrors) {
  for (const FieldInfo& info : fields()) {
    Descriptor d;
    d.set(info.field, std::int64_t{1} << (info.is_signed ? info.bits - 1 : info.bits));
    try {
      encode(d);
      FAIL() << info.name;
    } catch (const std::out_of_range& error) {
      EXPECT_NE(std::string(error.what()).find(info.name), std::string::npos) << error.what();
    }
  }
}

TEST(Descriptor, CodesWithoutMeaningAreErrors) {
  for (const auto& [field, code] : {std::pair{Field::engine, engine_count},
                                    {Field::function, function_count},
                                    {Field::operand, 5},
                                    {Field::storage_in, 3},
                                    {Field::storage_out, 3}}) {
    Descriptor d;
    d.set(field, code);
    EXPECT_THROW(decode(encode(d)), std::invalid_argument);
  }
}

TEST(Descriptor, DisassemblyNamesWhatIsSet) {
  Descriptor d;
  d.set(Field::engine, static_cast<std::int64_t>(Engine::pointwise));
  d.set(Field::function, static_cast<std::int64_t>(Function::mse_grad));
  d.set(Field::rows, 7);
  d.set(Field::a_base, 0x1200);
  d.set_immediate(0.25f);
  EXPECT_EQ(disassemble(d), "pointwise.mse_grad rows=7 immediate=0.25 a_base=0x1200");
}

}  // namespace
}  // namespace triad::asic::isa
