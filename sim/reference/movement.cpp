#include <algorithm>
#include <cstring>

#include "sim/reference/kernels.hpp"
#include "sim/reference/vector_functions.hpp"

namespace triad::reference {
namespace {

using graph::Copy;

/// The last two of `order` as loops in tiles, so that neither the source nor the target is walked across its lines.
template <class Word>
void tiles(const Word* from, Word* to, const Copy& copy, std::size_t a, std::size_t b) {
  constexpr std::int64_t side = 16;
  for (std::int64_t i0 = 0; i0 < copy.extents[a]; i0 += side) {
    for (std::int64_t j0 = 0; j0 < copy.extents[b]; j0 += side) {
      for (std::int64_t i = i0; i < std::min(i0 + side, copy.extents[a]); ++i) {
        for (std::int64_t j = j0; j < std::min(j0 + side, copy.extents[b]); ++j) {
          to[i * copy.target_strides[a] + j * copy.target_strides[b]] =
              from[i * copy.source_strides[a] + j * copy.source_strides[b]];
        }
      }
    }
  }
}

template <class Word>
void line(const Word* from, Word* to, std::int64_t n, std::int64_t source, std::int64_t target) {
  if (source == 1 && target == 1) {
    std::copy_n(from, n, to);
  } else if (source == 0 && target == 1) {
    std::fill_n(to, n, *from);
  } else {
    for (std::int64_t i = 0; i < n; ++i) to[i * target] = from[i * source];
  }
}

template <class Word>
void run(const Copy& copy, const Word* source, Word* target) {
  const std::size_t rank = copy.extents.size(), last = rank - 1;
  // The axis along which the source is contiguous, where that is not the last one: a transposition.
  const auto found = std::find(copy.source_strides.begin(), copy.source_strides.end(), 1);
  const auto inner = static_cast<std::size_t>(found - copy.source_strides.begin());
  const bool transposes = copy.source_strides[last] > 1 && inner < last;
  std::vector<std::size_t> outer;
  for (std::size_t axis = 0; axis < last; ++axis) {
    if (!transposes || axis != inner) outer.push_back(axis);
  }
  std::vector<std::int64_t> at(outer.size(), 0);
  const Word* from = source + copy.source_offset;
  Word* to = target + copy.target_offset;
  for (;;) {
    if (transposes) {
      tiles(from, to, copy, inner, last);
    } else {
      line(from, to, copy.extents[last], copy.source_strides[last], copy.target_strides[last]);
    }
    std::size_t axis = outer.size();
    for (; axis > 0; --axis) {
      const std::size_t which = outer[axis - 1];
      from += copy.source_strides[which];
      to += copy.target_strides[which];
      if (++at[axis - 1] < copy.extents[which]) break;
      from -= copy.source_strides[which] * copy.extents[which];
      to -= copy.target_strides[which] * copy.extents[which];
      at[axis - 1] = 0;
    }
    if (axis == 0) return;
  }
}

template <class Word>
void run_all(const graph::Movement& movement, std::span<const Source> operands, Target result, std::int64_t elements) {
  auto* const target = reinterpret_cast<Word*>(result.data);
  if (movement.fill) {
    const float value = static_cast<float>(*movement.fill);
    write(&value, 1, result, 0, 1);
    std::fill_n(target, elements, *target);
  }
  for (const Copy& copy : movement.copies) {
    run(copy, reinterpret_cast<const Word*>(operands[static_cast<std::size_t>(copy.input)].data), target);
  }
}

}  // namespace

void execute_movement(const graph::Movement& movement, std::span<const Source> operands, Target result,
                      std::int64_t elements) {
  switch (numerics::bytes_of(result.format)) {
    case 1:
      return run_all<std::uint8_t>(movement, operands, result, elements);
    case 2:
      return run_all<std::uint16_t>(movement, operands, result, elements);
    default:
      return run_all<std::uint32_t>(movement, operands, result, elements);
  }
}

}  // namespace triad::reference
