#include "models/gpu/sm/lanes.hpp"

#include <bit>

namespace triad::gpu {
namespace {

constexpr std::uint32_t all_lanes = ~0u;

inline void write(LaneWords& to, const LaneWords& from, std::uint32_t lanes) {
  if (lanes == all_lanes) {
    to = from;
    return;
  }
  for (int l = 0; l < warp_size; ++l) to[l] = ((lanes >> l) & 1u) != 0 ? from[l] : to[l];
}

inline std::uint32_t sign_if(bool negate) {
  return negate ? 0x80000000u : 0u;
}
inline std::uint32_t all_if(bool negate) {
  return negate ? ~0u : 0u;
}
inline std::uint32_t canonical_bits(float value) {
  return value != value ? numerics::canonical_nan_bits : numerics::bits_of(value);
}

}  // namespace

// AddressSanitizer's instrumentation cannot run as early as the choice of a version is made.
#ifdef __SANITIZE_ADDRESS__
#define TRIAD_VERSIONS
#else
#define TRIAD_VERSIONS __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), flatten))
#endif

/// The hot opcodes straight from the register file, everything else through `execute`. A fused multiply-add is rounded
/// once whether an instruction or libm computes it, so every version gives the same bits.
TRIAD_VERSIONS void execute_lanes(const Instruction& i, const LaneOperands& s, std::uint32_t lanes,
                                  const LaneTargets& t) {
  using numerics::float_of;
  LaneWords r;
  switch (i.op) {
    case Opcode::ffma: {
      const std::uint32_t na = sign_if(i.negate_a) ^ sign_if(i.negate_b), nc = sign_if(i.negate_c);
      for (int l = 0; l < warp_size; ++l) {
        const float a = float_of((*s.a)[l] ^ na), b = float_of((*s.b)[l]), c = float_of((*s.c)[l] ^ nc);
        r[l] = canonical_bits(__builtin_fmaf(a, b, c));
      }
      return write(*t.d, r, lanes);
    }
    case Opcode::fadd: {
      const std::uint32_t na = sign_if(i.negate_a), nb = sign_if(i.negate_b);
      for (int l = 0; l < warp_size; ++l) {
        r[l] = canonical_bits(float_of((*s.a)[l] ^ na) + float_of((*s.b)[l] ^ nb));
      }
      return write(*t.d, r, lanes);
    }
    case Opcode::fmul: {
      const std::uint32_t na = sign_if(i.negate_a) ^ sign_if(i.negate_b);
      for (int l = 0; l < warp_size; ++l) r[l] = canonical_bits(float_of((*s.a)[l] ^ na) * float_of((*s.b)[l]));
      return write(*t.d, r, lanes);
    }
    case Opcode::imad:
      for (int l = 0; l < warp_size; ++l) r[l] = (*s.a)[l] * (*s.b)[l] + (*s.c)[l];
      return write(*t.d, r, lanes);
    case Opcode::shl:
      for (int l = 0; l < warp_size; ++l) r[l] = (*s.b)[l] > 31 ? 0u : (*s.a)[l] << ((*s.b)[l] & 31u);
      return write(*t.d, r, lanes);
    case Opcode::mov:
      return write(*t.d, *s.b, lanes);
    case Opcode::iadd3: {
      if (i.extended || t.pd != nullptr) break;
      const std::uint32_t na = all_if(i.negate_a), nb = all_if(i.negate_b), nc = all_if(i.negate_c);
      const std::uint32_t ones = std::uint32_t{i.negate_a} + i.negate_b + i.negate_c;  // two's complements
      for (int l = 0; l < warp_size; ++l) r[l] = ((*s.a)[l] ^ na) + ((*s.b)[l] ^ nb) + ((*s.c)[l] ^ nc) + ones;
      return write(*t.d, r, lanes);
    }
    case Opcode::lop3:
      // The truth table's rows as masks: each row adds the bits where a, b and c are as it says.
      for (int l = 0; l < warp_size; ++l) r[l] = 0;
      for (unsigned row = 0; row < 8; ++row) {
        if (((i.selector >> row) & 1u) == 0) continue;
        const std::uint32_t na = all_if((row & 4u) == 0), nb = all_if((row & 2u) == 0), nc = all_if((row & 1u) == 0);
        for (int l = 0; l < warp_size; ++l) r[l] |= ((*s.a)[l] ^ na) & ((*s.b)[l] ^ nb) & ((*s.c)[l] ^ nc);
      }
      return write(*t.d, r, lanes);
    case Opcode::sel:
      for (int l = 0; l < warp_size; ++l) r[l] = ((s.p >> l) & 1u) != 0 ? (*s.a)[l] : (*s.b)[l];
      return write(*t.d, r, lanes);
    case Opcode::isetp: {
      if (i.extended || i.combine != Combine::logical_and || i.compare > Compare::ge) break;
      // Signed numbers are in the order of unsigned ones when their highest bit is flipped.
      const std::uint32_t flip = i.type == Type::s32 ? 0x80000000u : 0u;
      std::uint32_t less = 0, equal = 0;
      for (int l = 0; l < warp_size; ++l) {
        less |= std::uint32_t{((*s.a)[l] ^ flip) < ((*s.b)[l] ^ flip)} << l;
        equal |= std::uint32_t{(*s.a)[l] == (*s.b)[l]} << l;
      }
      const std::uint32_t holds = i.compare == Compare::eq   ? equal
                                  : i.compare == Compare::ne ? ~equal
                                  : i.compare == Compare::lt ? less
                                  : i.compare == Compare::le ? less | equal
                                  : i.compare == Compare::gt ? ~(less | equal)
                                                             : ~less;
      if (t.pd != nullptr) *t.pd = (*t.pd & ~lanes) | (holds & s.p & lanes);
      return;
    }
    default:
      break;
  }
  WarpSources sources{*s.a, *s.b, *s.c, *s.c_high, s.p, s.q};
  WarpResults results;
  execute(i, sources, results);
  if (t.d != nullptr) write(*t.d, results.d, lanes);
  if (t.d_high != nullptr) write(*t.d_high, results.d_high, lanes);
  if (t.pd != nullptr) *t.pd = (*t.pd & ~lanes) | (results.pd & lanes);
}

TRIAD_VERSIONS bool shared_words(const LaneWords& base, std::uint32_t offset, std::uint32_t lanes, std::uint32_t limit,
                                 LaneWords& words) {
  const int first = std::countr_zero(lanes);
  const std::uint32_t fallback = base[first] + offset;
  std::uint32_t bad = 0;
  for (int l = 0; l < warp_size; ++l) {
    const std::uint32_t address = ((lanes >> l) & 1u) != 0 ? base[l] + offset : fallback;
    bad |= (address & 3u) | (address >= limit ? 1u : 0u);
    words[l] = address >> 2;
  }
  return bad == 0;
}

TRIAD_VERSIONS bool wide_addresses(const LaneWords& low, const LaneWords& high, std::int64_t offset,
                                   std::uint32_t lanes, std::uint64_t bytes, std::uint64_t limit,
                                   std::array<std::uint64_t, warp_size>& at) {
  std::uint64_t bad = 0;
  for (int l = 0; l < warp_size; ++l) {
    at[l] = (std::uint64_t{high[l]} << 32 | low[l]) + static_cast<std::uint64_t>(offset);
    const std::uint64_t wrong = (at[l] & (bytes - 1)) | (at[l] > limit - bytes ? 1u : 0u);
    bad |= ((lanes >> l) & 1u) != 0 ? wrong : 0;
  }
  return bad == 0;
}

TRIAD_VERSIONS bool same_distances(const LaneWords& words, const LaneWords& pattern) {
  std::uint32_t different = 0;
  for (int l = 0; l < warp_size; ++l) different |= (words[l] - words[0]) ^ (pattern[l] - pattern[0]);
  return different == 0;
}

TRIAD_VERSIONS void gather_words(const std::uint32_t* memory, const LaneWords& words, std::uint32_t lanes,
                                 LaneWords& target) {
  LaneWords r;
  for (int l = 0; l < warp_size; ++l) r[l] = memory[words[l]];
  write(target, r, lanes);
}

}  // namespace triad::gpu
