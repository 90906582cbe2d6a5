#include "sim/workload/synthetic.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sim/workload/random.hpp"

namespace triad::workload {
namespace {

using device::HostTensor;
using graph::Shape;
using graph::TensorId;

constexpr std::int64_t most_features = 4096, most_weights = std::int64_t{1} << 24;
constexpr int token_features = 8;

/// 0 to count - 1, from a value in [-1, 1).
std::int64_t drawn(float u, std::int64_t count) {
  return static_cast<std::int64_t>((static_cast<double>(u) + 1) / 2 * static_cast<double>(count));
}

class Synthesis {
 public:
  Synthesis(const Network& network, std::uint64_t seed, std::int64_t samples)
      : network_(network), seed_(seed), samples_(samples) {}

  std::map<TensorId, HostTensor> make() {
    std::map<TensorId, HostTensor> result;
    for (const Feed& feed : network_.inputs) result[feed.tensor] = own(feed);
    first_ = features(network_.inputs.at(0), result.at(network_.inputs[0].tensor));
    for (const Feed& feed : network_.targets) result[feed.tensor] = target(feed);
    return result;
  }

 private:
  const Shape& batch(const Feed& feed) const { return network_.graph.tensor(feed.tensor).shape; }
  Shape all(const Feed& feed) const {
    Shape shape = batch(feed);
    shape[0] = samples_;
    return shape;
  }

  /// Values of a stream of its own.
  HostTensor own(const Feed& feed) const {
    const Random random(seed_, feed.name);
    const Shape shape = all(feed);
    const auto count = static_cast<std::size_t>(graph::elements(shape));
    if (feed.kind == Feed::Kind::mask) return mask(random, shape);
    if (feed.classes == 0) return HostTensor::of(shape, random.uniform(count, std::sqrt(3.0f)));
    std::vector<std::int32_t> numbers(count);
    const std::int64_t longest = feed.classes - 1, blank = feed.excluded;
    for (std::size_t i = 0; i < count; ++i) {
      const float u = random.uniform(i);
      const std::int64_t number = feed.kind == Feed::Kind::lengths ? longest - drawn(u, longest / 2 + 1)
                                  : blank == -1                    ? drawn(u, feed.classes)
                                                                   : drawn(u, longest) + (blank == 0 ? 1 : 0);
      numbers[i] = static_cast<std::int32_t>(number);
    }
    return HostTensor::of_integers(shape, numbers);
  }

  static HostTensor mask(const Random& random, const Shape& shape) {
    std::vector<float> values(static_cast<std::size_t>(shape[0] * shape[1]), 0.0f);
    for (std::int64_t row = 0; row < shape[0]; ++row) {
      const std::int64_t ones = shape[1] - drawn(random.uniform(static_cast<std::uint64_t>(row)), shape[1] / 2 + 1);
      const auto begin = values.begin() + row * shape[1];
      std::fill(begin, begin + std::max<std::int64_t>(ones, 1), 1.0f);
    }
    return HostTensor::of(shape, values);
  }

  /// The elements of an input as real numbers.
  std::vector<float> features(const Feed& feed, const HostTensor& values) const {
    if (feed.classes == 0) return values.floats();
    const Random tokens(seed_, "tokens");
    std::vector<float> result;
    for (const std::int32_t number : values.integers()) {
      for (int i = 0; i < token_features; ++i) {
        result.push_back(tokens.uniform(static_cast<std::uint64_t>(number * std::int64_t{token_features} + i)));
      }
    }
    return result;
  }

  /// What the teacher says of `places` equal parts of every sample: [samples * places, outputs].
  std::vector<double> scores(std::int64_t places, std::int64_t outputs) const {
    const std::int64_t rows = samples_ * places, row = static_cast<std::int64_t>(first_.size()) / rows;
    const std::int64_t most = std::clamp<std::int64_t>(most_weights / outputs, 1, most_features);
    const std::int64_t stride = (row + most - 1) / most, taken = (row + stride - 1) / stride;
    const std::vector<float> teacher =
        Random(seed_, "teacher").uniform(static_cast<std::size_t>(outputs * taken), 1.0f);
    std::vector<double> result(static_cast<std::size_t>(rows * outputs));
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t o = 0; o < outputs; ++o) {
        double score = 0;
        for (std::int64_t f = 0; f < taken; ++f) {
          score += static_cast<double>(first_[static_cast<std::size_t>(r * row + f * stride)]) *
                   static_cast<double>(teacher[static_cast<std::size_t>(o * taken + f)]);
        }
        result[static_cast<std::size_t>(r * outputs + o)] = score;
      }
    }
    return result;
  }

  HostTensor target(const Feed& feed) const {
    if (feed.kind != Feed::Kind::score && feed.kind != Feed::Kind::sign) return own(feed);
    const Shape shape = all(feed), &input = batch(network_.inputs[0]);
    const std::int64_t each = graph::elements(shape) / samples_;
    if (feed.classes == 0) {
      std::vector<float> values;
      for (const double score : scores(1, each)) {
        values.push_back(feed.kind == Feed::Kind::sign ? (score > 0 ? 1.0f : 0.0f) : static_cast<float>(score));
      }
      return HostTensor::of(shape, values);
    }
    const bool whole = each == 1, positions = shape.size() == 2 && input.size() >= 2 && input[1] == shape[1];
    if (!whole && !positions) return own(feed);
    const std::vector<double> said = scores(each, feed.classes);
    std::vector<std::int32_t> classes;
    for (auto row = said.begin(); row != said.end(); row += feed.classes) {
      classes.push_back(static_cast<std::int32_t>(std::max_element(row, row + feed.classes) - row));
    }
    return HostTensor::of_integers(shape, classes);
  }

  const Network& network_;
  std::uint64_t seed_;
  std::int64_t samples_;
  std::vector<float> first_;  ///< features of the first input, all samples
};

}  // namespace

std::map<TensorId, HostTensor> synthesize(const Network& network, std::uint64_t seed, std::int64_t samples) {
  return Synthesis(network, seed, samples).make();
}

}  // namespace triad::workload
