#include "models/tpu/units/boxes.hpp"

#include <cstring>
#include <stdexcept>

namespace triad::tpu {

std::uint32_t varying(const std::vector<std::int64_t>& strides) {
  std::uint32_t axes = 0;
  for (std::size_t axis = 0; axis < strides.size(); ++axis) axes |= std::uint32_t{strides[axis] != 0} << axis;
  return axes;
}

std::vector<std::int64_t> dense(const Shape& extents, std::uint32_t axes) {
  std::vector<std::int64_t> strides(extents.size(), 0);
  std::int64_t stride = 1;
  for (std::size_t axis = extents.size(); axis-- > 0;) {
    if (!(axes >> axis & 1)) continue;
    strides[axis] = stride;
    stride *= extents[axis];
  }
  return strides;
}

std::size_t points(const Shape& extents, std::uint32_t axes) {
  std::size_t n = 1;
  for (std::size_t axis = 0; axis < extents.size(); ++axis) {
    if (axes >> axis & 1) n *= static_cast<std::size_t>(extents[axis]);
  }
  return n;
}

namespace {

template <class T>
T get(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class Read>
void read_lines(const Shape& extents, const Place& place, std::vector<float>& out, Read read) {
  const Lines lines(extents, varying(place.strides));
  const std::int64_t step = lines.step(place.strides);
  float* to = out.data();
  lines.visit(std::array{&place.strides}, [&](const std::array<std::int64_t, 1>& at) {
    for (std::int64_t i = 0; i < lines.length(); ++i) *to++ = read(at[0] + i * step);
  });
}

}  // namespace

std::vector<float> read_box(const kit::Scratchpad& vmem, const Place& place, const Shape& extents) {
  std::vector<float> values(points(extents, varying(place.strides)));
  const std::byte* base = vmem.at(place.address);
  switch (place.format) {
    case Format::fp32:
      read_lines(extents, place, values, [&](std::int64_t at) { return get<float>(base + at); });
      break;
    case Format::bf16:
      read_lines(extents, place, values,
                 [&](std::int64_t at) { return numerics::bf16_value(get<std::uint16_t>(base + at)); });
      break;
    case Format::int32:
      read_lines(extents, place, values,
                 [&](std::int64_t at) { return static_cast<float>(get<std::int32_t>(base + at)); });
      break;
    case Format::int8:
      read_lines(extents, place, values,
                 [&](std::int64_t at) { return static_cast<float>(get<std::int8_t>(base + at)); });
      break;
    default:
      throw std::logic_error("the vector unit does not read " + numerics::to_string(place.format));
  }
  return values;
}

void write_box(kit::Scratchpad& vmem, const BoxResult& result) {
  const Place& place = result.place;
  const Lines lines(result.extents, varying(place.strides));
  const std::int64_t step = lines.step(place.strides);
  std::byte* base = vmem.at(place.address);
  const float* from = result.values.data();
  lines.visit(std::array{&place.strides}, [&](const std::array<std::int64_t, 1>& at) {
    for (std::int64_t i = 0; i < lines.length(); ++i) {
      std::byte* to = base + at[0] + i * step;
      const float value = *from++;
      switch (place.format) {
        case Format::fp32:
          std::memcpy(to, &value, sizeof value);
          break;
        case Format::bf16: {
          const std::uint16_t bits = numerics::bf16_bits(value);
          std::memcpy(to, &bits, sizeof bits);
          break;
        }
        case Format::int8: {
          const std::int8_t integer = numerics::int8_of(value);
          std::memcpy(to, &integer, sizeof integer);
          break;
        }
        case Format::int32: {
          const std::int32_t integer = numerics::int32_of(value);
          std::memcpy(to, &integer, sizeof integer);
          break;
        }
        default:
          throw std::logic_error("the vector unit does not write " + numerics::to_string(place.format));
      }
    }
  });
}

}  // namespace triad::tpu
