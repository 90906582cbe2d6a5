#include "sim/device/host_tensor.hpp"

#include <fmt/format.h>

#include <cstring>
#include <stdexcept>

namespace triad::device {
namespace {

template <typename Word>
HostTensor pack(graph::Shape shape, numerics::Format format, const std::vector<Word>& words) {
  if (graph::elements(shape) != static_cast<std::int64_t>(words.size())) {
    throw std::invalid_argument(fmt::format("{} values for a tensor of shape {}, which holds {}", words.size(),
                                            graph::to_string(shape), graph::elements(shape)));
  }
  HostTensor tensor = HostTensor::zeros(std::move(shape), format);
  if (!words.empty()) std::memcpy(tensor.bytes.data(), words.data(), tensor.bytes.size());
  return tensor;
}

template <typename Word>
std::vector<Word> unpack(const HostTensor& tensor) {
  std::vector<Word> words(static_cast<std::size_t>(graph::elements(tensor.shape)));
  if (words.size() * sizeof(Word) != tensor.bytes.size()) {
    throw std::invalid_argument(fmt::format("a {} tensor of shape {} holds {} bytes, not {}",
                                            numerics::to_string(tensor.format), graph::to_string(tensor.shape),
                                            words.size() * sizeof(Word), tensor.bytes.size()));
  }
  if (!words.empty()) std::memcpy(words.data(), tensor.bytes.data(), tensor.bytes.size());
  return words;
}

}  // namespace

HostTensor HostTensor::zeros(graph::Shape shape, numerics::Format format) {
  const std::int64_t size = graph::elements(shape) * numerics::bytes_of(format);
  return {std::move(shape), format, std::vector<std::byte>(static_cast<std::size_t>(size))};
}

HostTensor HostTensor::of(graph::Shape shape, const std::vector<float>& values) {
  return pack(std::move(shape), numerics::Format::fp32, values);
}

HostTensor HostTensor::of_integers(graph::Shape shape, const std::vector<std::int32_t>& values) {
  return pack(std::move(shape), numerics::Format::int32, values);
}

HostTensor HostTensor::of(graph::Shape shape, const std::vector<float>& values, numerics::Format format) {
  const auto convert = [&]<typename Word>(Word (*to)(float)) {
    std::vector<Word> words;
    words.reserve(values.size());
    for (const float value : values) words.push_back(to(value));
    return pack(std::move(shape), format, words);
  };
  switch (format) {
    case numerics::Format::fp32:
      return pack(std::move(shape), format, values);
    case numerics::Format::bf16:
      return convert(numerics::bf16_bits);
    case numerics::Format::fp16:
      return convert(numerics::fp16_bits);
    case numerics::Format::int8:
      return convert(numerics::int8_of);
    case numerics::Format::int32:
      return convert(numerics::int32_of);
    case numerics::Format::tf32:
      break;
  }
  throw std::invalid_argument("no tensor is stored in tf32");
}

std::vector<float> HostTensor::floats() const {
  switch (format) {
    case numerics::Format::fp32:
    case numerics::Format::tf32:
      return unpack<float>(*this);
    case numerics::Format::bf16: {
      std::vector<float> values;
      for (const std::uint16_t bits : unpack<std::uint16_t>(*this)) values.push_back(numerics::bf16_value(bits));
      return values;
    }
    case numerics::Format::int8: {
      const auto words = unpack<std::int8_t>(*this);
      return {words.begin(), words.end()};
    }
    case numerics::Format::int32: {
      const auto words = unpack<std::int32_t>(*this);
      return {words.begin(), words.end()};
    }
    case numerics::Format::fp16: {
      std::vector<float> values;
      for (const std::uint16_t bits : unpack<std::uint16_t>(*this)) values.push_back(numerics::fp16_value(bits));
      return values;
    }
  }
  throw std::invalid_argument("unknown format");
}

std::vector<std::int32_t> HostTensor::integers() const {
  if (format != numerics::Format::int32) {
    throw std::invalid_argument(fmt::format("the tensor is {}, not int32", numerics::to_string(format)));
  }
  return unpack<std::int32_t>(*this);
}

}  // namespace triad::device
