#include "models/memory/dram/mapping.hpp"

namespace triad::memory::dram {

namespace {

using Kind = Field::Kind;

int log2_of(std::uint64_t power) {
  return std::bit_width(power) - 1;
}

int bits_of_kind(const Organization& o, Kind kind) {
  switch (kind) {
    case Kind::rank:
      return log2_of(static_cast<std::uint64_t>(o.ranks));
    case Kind::bank_group:
      return log2_of(static_cast<std::uint64_t>(o.bank_groups));
    case Kind::bank:
      return log2_of(static_cast<std::uint64_t>(o.banks));
    case Kind::column:
      return log2_of(static_cast<std::uint64_t>(o.columns));
    default:
      return 0;  // the row takes what is left
  }
}

}  // namespace

Mapping::Mapping(const Parameters& parameters) {
  const Organization& o = parameters.organization;
  const MappingOrder& m = parameters.mapping;
  controllers_ = static_cast<std::uint64_t>(o.controllers());
  is_power_ = std::has_single_bit(controllers_);
  power_ = log2_of(controllers_);
  hash_channels_ = m.hash_channels;
  xor_column_ = m.xor_column;
  columns_ = o.capacity() / o.access_bytes();
  access_shift_ = log2_of(o.access_bytes());
  chunk_shift_ = log2_of(m.interleave) - access_shift_;
  bank_bits_ = bits_of_kind(o, Kind::bank);
  group_bits_ = bits_of_kind(o, Kind::bank_group);
  bank_mask_ = static_cast<std::uint32_t>(o.banks) - 1;
  group_mask_ = static_cast<std::uint32_t>(o.bank_groups) - 1;

  // From the least significant on. A flat bank is rank | group | bank.
  const auto base = [&](Kind kind) {
    return kind == Kind::rank ? bank_bits_ + group_bits_ : kind == Kind::bank_group ? bank_bits_ : 0;
  };
  int from = 0;
  std::array<int, 5> taken{};  // bits of each kind
  for (auto field = m.order.rbegin(); field != m.order.rend(); ++field) {
    if (field->kind == Kind::row) continue;
    int& of_kind = taken[static_cast<std::size_t>(field->kind)];
    int bits = field->bits;
    if (bits < 0) {  // all that the other fields of its kind do not take
      bits = bits_of_kind(o, field->kind);
      for (const Field& other : m.order) bits -= other.kind == field->kind && other.bits > 0 ? other.bits : 0;
    }
    if (bits > 0) {
      const int to = base(field->kind) + of_kind;
      Slice* const below = slices_.empty() ? nullptr : &slices_.back();
      if (below != nullptr && below->kind == field->kind && below->to + below->bits == to) {
        below->bits += bits;  // two of a kind side by side are one
      } else {
        slices_.push_back({field->kind, from, bits, to});
      }
    }
    from += bits;
    of_kind += bits;
  }
  row_from_ = from;

  // Banks below the lowest column bits go round; columns above them go on until the next bank bit.
  int bank_bits_below = 0;
  low_column_bits_ = 0;
  for (const Slice& slice : slices_) {
    if (slice.kind == Kind::column) {
      low_column_bits_ = slice.bits;
      break;
    }
    bank_bits_below += slice.bits;
  }
  constexpr int most_way_bits = std::bit_width(static_cast<unsigned>(Run::most_ways)) - 1;
  const bool fits = bank_bits_below <= most_way_bits;
  ways_ = 1u << std::min(bank_bits_below, most_way_bits);
  block_bits_ = fits ? bank_bits_below + low_column_bits_ : most_way_bits;
  for (std::uint32_t w = 0; w < ways_; ++w) way_banks_[w] = local_place(w).bank;  // of row 0, column 0: no XOR
  if (m.xor_banks) hash_rows();
}

void Mapping::hash_rows() {
  // By degree; x^degree is the highest bit. Each is the first primitive one of its degree: Peterson and Weldon,
  // Error-Correcting Codes, 1972, appendix C.
  static constexpr std::array<std::uint32_t, 9> primitive{0, 0b11, 0b111, 0b1011, 0x13, 0x25, 0x43, 0x83, 0x11d};
  const int degree = bank_bits_ + group_bits_;
  if (degree == 0) return;
  std::uint32_t power = 1;  // x^n mod the polynomial
  for (auto& of_byte : row_hash_) {
    for (std::uint32_t bit = 1; bit < 256; bit <<= 1) {
      for (std::uint32_t byte = bit; byte < 2 * bit; ++byte) {
        of_byte[byte] = static_cast<std::uint8_t>(of_byte[byte - bit] ^ spread(power));
      }
      power <<= 1;
      if ((power >> degree) != 0) power ^= primitive[static_cast<std::size_t>(degree)];
    }
  }
}

Place Mapping::place(std::uint64_t address) const {
  const std::uint64_t column = (address >> access_shift_) % columns_;
  const std::uint64_t chunk = column >> chunk_shift_, turn = turn_of(chunk);
  const Local local = local_place((turn << chunk_shift_) + (column & ((1ull << chunk_shift_) - 1)));
  return {static_cast<int>(controller_of(turn, chunk - turn * controllers_)), static_cast<int>(local.bank), local.row,
          static_cast<int>(local.column)};
}

std::uint64_t Mapping::address(const Place& place) const {
  const auto column_number = static_cast<std::uint32_t>(place.column);
  const std::uint32_t bank = static_cast<std::uint32_t>(place.bank) ^ hash(place.row, column_number);
  std::uint64_t local = static_cast<std::uint64_t>(place.row) << row_from_;
  for (const Slice& s : slices_) {
    const std::uint64_t number = s.kind == Field::Kind::column ? column_number : bank;
    local |= ((number >> s.to) & ((1ull << s.bits) - 1)) << s.from;
  }
  const std::uint64_t turn = local >> chunk_shift_;
  const std::uint64_t chunk = turn * controllers_ + position_of(turn, static_cast<std::uint64_t>(place.controller));
  return ((chunk << chunk_shift_) + (local & ((1ull << chunk_shift_) - 1))) << access_shift_;
}

}  // namespace triad::memory::dram
