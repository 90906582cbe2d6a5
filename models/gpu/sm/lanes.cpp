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
