#include "models/memory/dram/mapping.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>

namespace triad::memory::dram {
namespace {

using Kind = Field::Kind;

/// Two channels of 2 groups of 2 banks with 5 rows of 8 columns of 64 bytes: 10 KiB each.
Parameters small(std::vector<Field> order) {
  Parameters p;
  p.organization = {.channels = 2, .bank_groups = 2, .banks = 2, .rows = 5, .columns = 8};
  p.mapping.interleave = 256;
  p.mapping.order = std::move(order);
  return p;
}

struct Column {
  int bank;
  std::int64_t row;
  int column;
  bool operator==(const Column&) const = default;
};
/// The columns of each controller, in the order in which split names them.
std::map<int, std::vector<Column>> columns_of(const Mapping& mapping, std::uint64_t address, std::uint64_t bytes) {
  std::map<int, std::vector<Column>> columns;
  mapping.split(address, bytes, [&](int controller, const dram::Run& run) {
    for (std::uint32_t i = run.begin; i < run.end; ++i) {
      columns[controller].push_back({run.banks[i % run.ways], run.row, static_cast<int>(i / run.ways)});
    }
  });
  return columns;
}

TEST(Mapping, FieldsAreCutFromTheMostSignificantOn) {
  const Mapping mapping(small({{Kind::row}, {Kind::bank}, {Kind::bank_group}, {Kind::column}}));
  // 256 B a turn: chunk 5 is turn 2 of channel 1, its local address 2 * 256 B = column 8 of 64 B: 1 group on.
  EXPECT_EQ(mapping.place(5 * 256 + 70), (Place{.controller = 1, .bank = 2, .row = 0, .column = 1}));
  // Local column 2 * 8 + 1: bank 1, group 0.
  EXPECT_EQ(mapping.place(8 * 256 + 70), (Place{.controller = 0, .bank = 1, .row = 0, .column = 1}));
  // A row of all banks is 4 * 8 columns = 8 turns of 2 channels.
  EXPECT_EQ(mapping.place(3 * 8 * 2 * 256), (Place{.controller = 0, .bank = 0, .row = 3, .column = 0}));
  EXPECT_EQ(mapping.place(2 * 10240), mapping.place(0));  // beyond the capacity
}

TEST(Mapping, AColumnThatIsCutHasItsUpperPartWhereItIsNamedFirst) {
  // row | column 2..0 upper 1 bit | group | bank | column lower 2 bits: minimalist open page
  Parameters p = small({{Kind::row}, {Kind::column}, {Kind::bank_group}, {Kind::bank}, {Kind::column, 2}});
  const Mapping plain(p);
  p.mapping.xor_column = true;
  const Mapping hashed(p);
  const auto local = [](std::uint64_t column) { return column / 4 * 512 + column % 4 * 64; };  // of channel 0
  EXPECT_EQ(plain.place(local(0b1'10'11)), (Place{.bank = 0b10, .column = 0b111}));
  EXPECT_EQ(plain.place(local(0b0'01'10)), (Place{.bank = 0b01, .column = 0b010}));
  // The upper part 1 turns bit 0 of the group, which is bit 1 of the flat number.
  EXPECT_EQ(hashed.place(local(0b1'10'11)), (Place{.bank = 0b00, .column = 0b111}));
  EXPECT_EQ(hashed.place(local(0b0'01'10)), (Place{.bank = 0b01, .column = 0b010}));
}

TEST(Mapping, TheRowHashesGroupFirstThenBank) {
  Parameters p = small({{Kind::row}, {Kind::bank}, {Kind::bank_group}, {Kind::column}});
  p.mapping.xor_banks = true;
  const Mapping mapping(p);
  const std::uint64_t row_bytes = 8 * 512;             // of all banks of both channels
  const int banks[] = {0b00, 0b10, 0b01, 0b11, 0b11};  // the last one: x^2 mod x^2 + x + 1 is x + 1
  for (std::uint64_t row = 0; row < 5; ++row) EXPECT_EQ(mapping.place(row * row_bytes).bank, banks[row]) << row;
}

/// Of rows that differ in as many neighbouring bits as group and bank have, no two lie in one bank.
TEST(Mapping, AnyWindowOfTheRowNamesEveryBank) {
  for (const auto& [groups, banks] : {std::pair{1, 2}, {2, 2}, {1, 8}, {4, 4}, {4, 8}, {8, 8}, {2, 64}, {16, 16}}) {
    Parameters p = small({{Kind::row}, {Kind::bank}, {Kind::bank_group}, {Kind::column}});
    p.organization.channels = 1;
    p.organization.bank_groups = groups;
    p.organization.banks = banks;
    p.organization.rows = 1 << 24;
    p.mapping.xor_banks = true;
    const Mapping mapping(p);
    const auto all = static_cast<std::uint64_t>(groups * banks), row_bytes = all * p.organization.row_bytes();
    for (std::uint64_t unit = 1; unit * all <= 1 << 24; unit *= 2) {
      std::set<int> seen;
      for (std::uint64_t i = 0; i < all; ++i) seen.insert(mapping.place(i * unit * row_bytes).bank);
      EXPECT_EQ(seen.size(), all) << groups << " x " << banks << ", every " << unit << " rows";
    }
  }
}

TEST(Mapping, BanksBelowTheColumnMakeRunsOfManyWays) {
  Parameters p = small({{Kind::row}, {Kind::bank}, {Kind::column}, {Kind::bank_group}});
  p.organization.channels = 1;
  const Mapping mapping(p);
  std::vector<dram::Run> runs;
  mapping.split(64, 20 * 64, [&](int, const dram::Run& run) { runs.push_back(run); });
  // 2 groups * 8 columns = 16 positions to a row's end: columns 1..15 of bank 0, then 0..4 of bank 1 of the groups.
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].begin, 1u);
  EXPECT_EQ(runs[0].end, 16u);
  EXPECT_EQ(runs[0].ways, 2);
  EXPECT_EQ(runs[0].banks[0], 0);
  EXPECT_EQ(runs[0].banks[1], 2);
  EXPECT_EQ(runs[1].begin, 0u);
  EXPECT_EQ(runs[1].end, 5u);
  EXPECT_EQ(runs[1].banks[0], 1);
  EXPECT_EQ(runs[1].banks[1], 3);
}

TEST(Mapping, ALongRangeCostsItsRows) {
  // 40 channels of 16 banks with rows of 2 KiB: 80 MiB are 1024 rows in each.
  Parameters p;
  p.organization = {.channels = 40, .bank_groups = 4, .banks = 4, .rows = 16384, .columns = 32};
  p.mapping.order = {{Kind::row}, {Kind::bank}, {Kind::bank_group}, {Kind::column}};
  p.mapping.hash_channels = true;
  std::map<int, int> runs;
  Mapping(p).split(0, 80 << 20, [&](int controller, const dram::Run& run) {
    ++runs[controller];
    EXPECT_EQ(run.columns(), 32u);
  });
  EXPECT_EQ(runs.size(), 40u);
  for (const auto& [controller, n] : runs) EXPECT_EQ(n, 1024) << controller;
}

TEST(Mapping, HashedChannelsSpreadAStrideOfWholeTurns) {
  Parameters p = small({{Kind::row}, {Kind::bank}, {Kind::bank_group}, {Kind::column}});
  p.organization.channels = 32;
  p.organization.rows = 4096;
  const Mapping plain(p);
  p.mapping.hash_channels = true;
  const Mapping hashed(p);
  for (const std::uint64_t turns : {1, 2, 8, 64, 256}) {
    std::map<int, int> at;
    for (std::uint64_t i = 0; i < 1024; ++i) {
      EXPECT_EQ(plain.place(i * turns * 32 * 256).controller, 0);
      ++at[hashed.place(i * turns * 32 * 256).controller];
    }
    EXPECT_EQ(at.size(), 32u) << turns;
    for (const auto& [controller, n] : at) EXPECT_LE(n, 2 * 1024 / 32) << turns;  // even: 32 each
  }
}

/// Any order, any cut, any number of channels.
Parameters any_parameters() {
  const auto power = [](int most) { return 1 << *rc::gen::inRange(0, most + 1); };
  Parameters p;
  Organization& o = p.organization;
  o.channels = *rc::gen::element(1, 2, 3, 5, 7, 8, 13, 24, 31, 40, 80);
  o.pseudo_channels = power(1);
  o.ranks = power(1);
  o.bank_groups = power(2);
  o.banks = power(2);
  o.columns = power(5);
  o.rows = *rc::gen::element(1, 2, 3, 5, 300, 66'000);
  o.bus_bits = 8 * power(4);
  const std::uint64_t local = o.capacity() / o.access_bytes() / static_cast<std::uint64_t>(o.controllers());
  p.mapping.interleave = o.access_bytes();
  for (int i = *rc::gen::inRange(0, 4); i > 0 && local % (2 * p.mapping.interleave / o.access_bytes()) == 0; --i) {
    p.mapping.interleave *= 2;
  }
  std::vector<Field> fields{{Kind::rank}, {Kind::bank_group}, {Kind::bank}, {Kind::column}};
  // Some kinds have their lowest bits somewhere further down.
  const auto bits_of = [](int n) { return static_cast<int>(std::bit_width(static_cast<unsigned>(n))) - 1; };
  const int bits[] = {bits_of(o.ranks), bits_of(o.bank_groups), bits_of(o.banks), bits_of(o.columns)};
  std::vector<int> order{0, 1, 2, 3};
  for (int kind = 0; kind < 4; ++kind) {
    if (bits[kind] > 0 && *rc::gen::arbitrary<bool>()) order.push_back(kind);
  }
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[*rc::gen::inRange<std::size_t>(0, i)]);
  p.mapping.order = {{Kind::row}};
  std::set<int> named;
  for (const int kind : order) {
    Field field = fields[static_cast<std::size_t>(kind)];
    if (!named.insert(kind).second) field.bits = *rc::gen::inRange(1, bits[kind] + 1);
    p.mapping.order.push_back(field);
  }
  p.mapping.hash_channels = *rc::gen::arbitrary<bool>();
  p.mapping.xor_banks = *rc::gen::arbitrary<bool>();
  p.mapping.xor_column = *rc::gen::arbitrary<bool>();
  return p;
}

RC_GTEST_PROP(Mapping, IsABijection, ()) {
  const Parameters p = any_parameters();
  const Organization& o = p.organization;
  const Mapping mapping(p);
  std::set<std::tuple<int, int, std::int64_t, int>> places;
  const std::uint64_t all = o.capacity() / o.access_bytes();
  const std::uint64_t step = 1 + all / 5000;  // of large ones a part
  for (std::uint64_t c = 0; c < all; c += step) {
    const std::uint64_t address = c * o.access_bytes();
    const Place place = mapping.place(address);
    RC_ASSERT(place.controller >= 0 && place.controller < o.controllers());
    RC_ASSERT(place.bank >= 0 && place.bank < o.all_banks());
    RC_ASSERT(place.row >= 0 && place.row < o.rows);
    RC_ASSERT(place.column >= 0 && place.column < o.columns);
    RC_ASSERT(mapping.address(place) == address);
    RC_ASSERT(mapping.place(address + o.access_bytes() - 1) == place);
    RC_ASSERT(places.emplace(place.controller, place.bank, place.row, place.column).second);
  }
}

RC_GTEST_PROP(Mapping, SplitPlacesEveryColumnWhereItBelongs, ()) {
  const Parameters p = any_parameters();
  const Organization& o = p.organization;
  const Mapping mapping(p);
  const std::uint64_t access = o.access_bytes();
  const std::uint64_t address = *rc::gen::inRange<std::uint64_t>(0, o.capacity() * 2);  // also where it wraps
  const std::uint64_t bytes =
      1 + *rc::gen::inRange<std::uint64_t>(0, *rc::gen::element<std::uint64_t>(2 * access, 64 * access, 2000 * access));
  std::map<int, std::vector<Column>> expected;
  for (std::uint64_t c = address / access; c <= (address + bytes - 1) / access; ++c) {
    const Place place = mapping.place(c * access);
    expected[place.controller].push_back({place.bank, place.row, place.column});
  }
  RC_ASSERT(columns_of(mapping, address, bytes) == expected);
}

}  // namespace
}  // namespace triad::memory::dram
