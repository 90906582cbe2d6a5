#pragma once
#include <algorithm>
#include <bit>
#include <vector>

#include "models/memory/dram/parameters.hpp"
#include "models/memory/dram/run.hpp"

namespace triad::memory::dram {

/// Where one byte lies.
struct Place {
  int controller = 0;  ///< (pseudo) channel
  int bank = 0;        ///< flat
  std::int64_t row = 0;
  int column = 0;
  bool operator==(const Place&) const = default;
};

/// Cuts addresses into channels, banks, rows and columns. A bijection over the capacity; addresses beyond it wrap.
///
/// An address is a chunk of `interleave` bytes and a byte in it. (Pseudo) channels take turns by chunk: chunk k is
/// number k / n of channel k mod n, so any number n of channels will do. With hash_channels turn t begins at channel
/// h(t) instead of 0: still one chunk each per turn, but a stride of many turns no longer stays in one channel. The
/// chunks of a channel, in order, are its local addresses, whose columns (bursts) are cut into bit fields; the row, the
/// most significant one, is what is left and need not be a power of two.
///
/// With xor_banks group and bank are XORed with a hash of the whole row: the remainder of its bits, as a polynomial
/// over GF(2), by a primitive polynomial of as many bits as group and bank have (Rau, "Pseudo-randomly interleaved
/// memory", ISCA 1991; the "IPOLY" of Accel-Sim's GPUs). Rows that differ only within so many neighbouring bits,
/// wherever in the row, lie in different banks; arrays that are passed through side by side meet in a bank for a row or
/// two.
class Mapping {
 public:
  explicit Mapping(const Parameters& parameters);
  Place place(std::uint64_t address) const;
  /// The address of a place's first byte: the inverse.
  std::uint64_t address(const Place& place) const;
  /// The runs of the bytes [address, address + bytes), whole columns, channel by channel (in order of their first
  /// byte), in a channel in order of address: calls `visit(controller, run)` (the run has no request, direction or tag
  /// yet). Costs the runs and the channels, not the columns.
  template <class Visit>
  void split(std::uint64_t address, std::uint64_t bytes, const Visit& visit) const {
    if (bytes == 0) return;
    std::uint64_t begin = address >> access_shift_;
    std::uint64_t end = begin + (((address & ((1ull << access_shift_) - 1)) + bytes - 1) >> access_shift_) + 1;
    if (end > columns_) {  // wraps
      end -= begin / columns_ * columns_;
      begin %= columns_;
      for (; end > columns_; end -= columns_, begin = 0) split_columns(begin, columns_, visit);
    }
    split_columns(begin, end, visit);
  }

 private:
  /// Bits of a local column number: [from, from + bits) hold bits [to, ...) of their kind's number.
  struct Slice {
    Field::Kind kind;
    int from, bits, to;
  };
  struct Local {
    std::int64_t row;
    std::uint32_t column, bank;
  };

  std::uint64_t turn_of(std::uint64_t chunk) const { return is_power_ ? chunk >> power_ : chunk / controllers_; }
  /// The channel that begins a turn. Multiplicative (Fibonacci) hashing: Knuth, TAOCP 3, section 6.4; the upper half of
  /// the product, scaled to the number of channels.
  std::uint64_t rotation(std::uint64_t turn) const {
    if (!hash_channels_) return 0;
    return (((turn * 0x9E3779B97F4A7C15ull) >> 32) * controllers_) >> 32;
  }
  std::uint64_t controller_of(std::uint64_t turn, std::uint64_t position) const {
    const std::uint64_t c = rotation(turn) + position;
    return c < controllers_ ? c : c - controllers_;
  }
  std::uint64_t position_of(std::uint64_t turn, std::uint64_t controller) const {
    const std::uint64_t r = rotation(turn);
    return controller >= r ? controller - r : controller + controllers_ - r;
  }
  /// Bits of a hash as bits of a flat bank: those of the group first, then those of the bank.
  std::uint32_t spread(std::uint32_t h) const {
    return ((h & group_mask_) << bank_bits_) | ((h >> group_bits_) & bank_mask_);
  }
  void hash_rows();
  /// What the row and the upper column turn the bank into: an XOR of its flat number.
  std::uint32_t hash(std::int64_t row, std::uint32_t column) const {
    std::uint32_t all = 0;
    for (std::size_t i = 0; i < row_hash_.size(); ++i) all ^= row_hash_[i][(row >> 8 * i) & 0xff];
    if (xor_column_) all ^= spread(column >> low_column_bits_);
    return all;
  }
  Local local_place(std::uint64_t local) const {
    Local place{static_cast<std::int64_t>(local >> row_from_), 0, 0};
    for (const Slice& s : slices_) {
      const auto field = static_cast<std::uint32_t>((local >> s.from) & ((1ull << s.bits) - 1)) << s.to;
      (s.kind == Field::Kind::column ? place.column : place.bank) |= field;
    }
    place.bank ^= hash(place.row, place.column);
    return place;
  }

  /// Of columns of the whole address space, begin < end <= all.
  template <class Visit>
  void split_columns(std::uint64_t begin, std::uint64_t end, const Visit& visit) const {
    const std::uint64_t first = begin >> chunk_shift_, last = (end - 1) >> chunk_shift_;
    const std::uint64_t first_turn = turn_of(first), last_turn = turn_of(last);
    const std::uint64_t first_position = first - first_turn * controllers_;
    const std::uint64_t last_position = last - last_turn * controllers_;
    // The part of a channel that has its first chunk in `turn`, at `position`.
    const auto part = [&](std::uint64_t turn, std::uint64_t position) {
      const std::uint64_t controller = controller_of(turn, position);
      const std::uint64_t chunk = turn * controllers_ + position;
      std::uint64_t end_turn = last_turn;
      if (turn != last_turn && position_of(last_turn, controller) > last_position) --end_turn;
      const bool ends = end_turn == last_turn && position_of(last_turn, controller) == last_position;
      const std::uint64_t chunk_columns = 1ull << chunk_shift_, in_chunk = chunk_columns - 1;
      split_local(static_cast<int>(controller), (turn << chunk_shift_) + (chunk == first ? begin & in_chunk : 0),
                  (end_turn << chunk_shift_) + (ends ? ((end - 1) & in_chunk) + 1 : chunk_columns), visit);
    };
    const std::uint64_t past = first_turn == last_turn ? last_position + 1 : controllers_;
    for (std::uint64_t p = first_position; p < past; ++p) part(first_turn, p);
    if (first_turn == last_turn || first_position == 0) return;
    // The channels that had had their chunk of the first turn before the range.
    const std::uint64_t next_past = first_turn + 1 == last_turn ? last_position + 1 : controllers_;
    for (std::uint64_t p = 0; p < next_past; ++p) {
      if (position_of(first_turn, controller_of(first_turn + 1, p)) < first_position) part(first_turn + 1, p);
    }
  }
  /// Of columns of one channel.
  template <class Visit>
  void split_local(int controller, std::uint64_t begin, std::uint64_t end, const Visit& visit) const {
    const std::uint64_t block_columns = 1ull << block_bits_;
    while (begin < end) {
      const std::uint64_t block = begin & ~(block_columns - 1);
      const std::uint64_t until = std::min(end, block + block_columns);
      const Local place = local_place(block);
      Run run;
      const auto position = place.column * ways_;
      run.begin = position + static_cast<std::uint32_t>(begin - block);
      run.end = position + static_cast<std::uint32_t>(until - block);
      run.row = place.row;
      run.ways = static_cast<std::uint8_t>(ways_);
      for (std::uint32_t w = 0; w < ways_; ++w) run.banks[w] = static_cast<std::uint8_t>(place.bank ^ way_banks_[w]);
      visit(controller, run);
      begin = until;
    }
  }

  std::uint64_t controllers_, columns_;  ///< of all channels
  bool is_power_;                        ///< the number of channels is 1 << power_
  int power_;
  bool hash_channels_, xor_column_;
  int access_shift_, chunk_shift_;  ///< bytes to columns, columns to chunks
  std::vector<Slice> slices_;       ///< all but the row, least significant first
  int row_from_;
  int bank_bits_, group_bits_, low_column_bits_;
  std::uint32_t bank_mask_, group_mask_;
  /// By byte of the row, the lowest one first: its part of the XOR, spread. Zero without xor_banks.
  std::array<std::array<std::uint8_t, 256>, 3> row_hash_{};
  /// Local columns of one block, aligned, lie in `ways_` banks' one row, in consecutive columns: what a run may cover.
  int block_bits_;
  std::uint32_t ways_;
  std::array<std::uint32_t, Run::most_ways> way_banks_{};  ///< flat bank of a block's first columns, before the XOR
};

}  // namespace triad::memory::dram
