#include <fmt/format.h>

#include <algorithm>

#include "sim/workload/losses.hpp"

/// The extended labels of a sample are its labels with blanks around and between them, L = 2 S + 1 places:
///
///     blank l0 blank l1 blank ...                              places 0 1 2 3 4 ...
///
/// alpha[t](s), the log-likelihood of having read places 0 .. s after t steps, follows from three places of the step
/// before: s, s - 1 and, at a label that differs from the one before, s - 2.
namespace triad::workload {
namespace {

using device::HostTensor;
using Integers = std::vector<std::int64_t>;

/// The logarithm of zero: finite, so that no difference of two is NaN.
constexpr double impossible = -1e30;

class Recursion {
 public:
  Recursion(Builder& builder, const std::string& name, const Ctc& ctc) : b_(builder), name_(name), ctc_(ctc) {
    const Shape& shape = b_.shape(ctc.log_probabilities);
    batch_ = shape[0], time_ = shape[1], classes_ = shape[2];
    labels_ = b_.shape(ctc.labels)[1];
    places_ = 2 * labels_ + 1;
  }

  TensorId loss() {
    const TensorId emissions = this->emissions(), skips = this->skips();
    TensorId alpha = b_.add(of("alpha.0"), at(emissions, 0), start());
    for (std::int64_t t = 1; t < time_; ++t) {
      const TensorId next = b_.add(of("alpha"), arrived(alpha, skips), at(emissions, t));
      alpha = ctc_.input_lengths == -1 ? next : b_.op(OpKind::where, of("alpha.kept"), {active(t), next, alpha});
    }
    const TensorId likelihood =
        b_.reduce(OpKind::log_sum_exp, of("likelihood"), b_.add(of("ends"), alpha, ends()), {1});
    const TensorId each = b_.op(OpKind::divide, of("samples"), {likelihood, lengths()});
    return b_.scale(name_, b_.reduce(OpKind::reduce_mean, of("mean"), each, {0}), -1);
  }

 private:
  std::string of(const std::string& part) const { return name_ + "." + part; }

  /// 0, 1, ..., n - 1
  TensorId counted(std::int64_t n, Format format) {
    const auto make = [n, format] {
      std::vector<std::int32_t> numbers;
      for (std::int64_t i = 0; i < n; ++i) numbers.push_back(static_cast<std::int32_t>(i));
      if (format == Format::int32) return HostTensor::of_integers({n}, numbers);
      return HostTensor::of({n}, std::vector<float>(numbers.begin(), numbers.end()));
    };
    return b_.constant(fmt::format("counted.{}.{}", n, numerics::to_string(format)), {n}, make, format);
  }

  /// Log-probability of each place at each time, [batch, time, places].
  TensorId emissions() {
    const TensorId labels = b_.reshape(of("labels.apart"), ctc_.labels, {batch_, labels_, 1});
    const TensorId hot = b_.op(OpKind::equal, of("hot"), {labels, counted(classes_, Format::int32)});
    // Chosen by a product with zeros and ones, exact in fp32 whatever the precision of the workload is.
    const TensorId chosen = b_.op(OpKind::matmul, of("chosen"), {ctc_.log_probabilities, hot},
                                  {{"transpose_a", false}, {"transpose_b", true}});
    const TensorId blank = b_.slice(of("blank"), ctc_.log_probabilities, 2, ctc_.blank, ctc_.blank + 1);
    const Shape apart = {batch_, time_, labels_, 1};
    const TensorId blanks = b_.op(OpKind::broadcast, of("blanks"),
                                  {b_.reshape(of("blank.apart"), blank, {batch_, time_, 1, 1})}, {{"shape", apart}});
    const TensorId both = b_.concat(of("pairs"), {blanks, b_.reshape(of("chosen.apart"), chosen, apart)}, 3);
    return b_.concat(of("emissions"), {b_.reshape(of("pairs.joined"), both, {batch_, time_, 2 * labels_}), blank}, 2);
  }
  TensorId at(TensorId emissions, std::int64_t t) {
    return b_.reshape(of("emission"), b_.slice(of("emission.slice"), emissions, 1, t, t + 1), {batch_, places_});
  }

  /// Only the first two places can be the first.
  TensorId start() {
    const Shape shape = {places_};
    return b_.constant(of("start"), shape, [shape] {
      std::vector<float> values(static_cast<std::size_t>(shape[0]), static_cast<float>(impossible));
      values[0] = values[1] = 0;
      return HostTensor::of(shape, values);
    });
  }

  /// 0 where a place can be reached from two before it, `impossible` elsewhere; [batch, places].
  TensorId skips() {
    // 1 where the way is barred: at blanks, at the first label, at a label equal to the one before.
    TensorId barred = b_.constant(of("first"), {batch_, 1}, 1.0);
    if (labels_ > 1) {
      const TensorId later = b_.slice(of("labels.later"), ctc_.labels, 1, 1, labels_);
      const TensorId earlier = b_.slice(of("labels.earlier"), ctc_.labels, 1, 0, labels_ - 1);
      barred = b_.pad(of("repeated"), b_.op(OpKind::equal, of("same"), {later, earlier}), 1, 1, 0, 1.0);
    }
    const TensorId labels = b_.reshape(of("barred.labels"), barred, {batch_, labels_, 1});
    const TensorId pairs = b_.pad(of("barred.pairs"), labels, 2, 1, 0, 1.0);
    const TensorId joined = b_.reshape(of("barred.joined"), pairs, {batch_, 2 * labels_});
    return b_.scale(of("skips"), b_.pad(of("barred"), joined, 1, 0, 1, 1.0), impossible);
  }

  /// log(e^alpha(s) + e^alpha(s - 1) + e^alpha(s - 2))
  TensorId arrived(TensorId alpha, TensorId skips) {
    const TensorId padded = b_.pad(of("padded"), alpha, 1, 2, 0, impossible);
    const TensorId one = b_.slice(of("one"), padded, 1, 1, places_ + 1);
    const TensorId two = b_.add(of("two"), b_.slice(of("two.slice"), padded, 1, 0, places_), skips);
    std::vector<TensorId> ways;
    for (const TensorId way : {alpha, one, two}) ways.push_back(b_.reshape(of("way"), way, {batch_, 1, places_}));
    return b_.reduce(OpKind::log_sum_exp, of("arrived"), b_.concat(of("ways"), ways, 1), {1});
  }

  /// 1 for the samples whose input is longer than t; [batch, 1].
  TensorId active(std::int64_t t) {
    if (active_ == -1) {
      const TensorId lengths = b_.reshape(of("input_lengths"), ctc_.input_lengths, {batch_, 1});
      active_ = b_.op(OpKind::greater, of("active"), {lengths, counted(time_, Format::int32)});
    }
    return b_.slice(of("active.slice"), active_, 1, t, t + 1);
  }

  /// Number of labels of each sample, at least 1.
  TensorId lengths() {
    if (ctc_.label_lengths == -1) return b_.constant(of("lengths"), {batch_}, static_cast<double>(labels_));
    return b_.op(OpKind::clamp, of("lengths"), {real_lengths()}, {{"low", 1.0}});
  }
  TensorId real_lengths() {
    if (real_lengths_ == -1) {
      real_lengths_ =
          b_.op(OpKind::cast, of("label_lengths.fp32"), {ctc_.label_lengths}, {{"format", std::string("fp32")}});
    }
    return real_lengths_;
  }

  /// 0 at the two places where a sample can end, the last label and the blank behind it; `impossible` elsewhere.
  TensorId ends() {
    const std::int64_t places = places_;
    if (ctc_.label_lengths == -1) {
      return b_.constant(of("ends.last"), {places}, [places] {
        std::vector<float> values(static_cast<std::size_t>(places), static_cast<float>(impossible));
        values[values.size() - 1] = values[values.size() - 2] = 0;
        return HostTensor::of({places}, values);
      });
    }
    const TensorId last = b_.scale(of("ends.blank"), b_.reshape(of("ends.lengths"), real_lengths(), {batch_, 1}), 2);
    const TensorId place = counted(places, Format::fp32);
    const TensorId at_blank = b_.op(OpKind::equal, of("ends.at_blank"), {place, last});
    const TensorId at_label = b_.op(OpKind::equal, of("ends.at_label"), {place, b_.offset(of("ends.label"), last, -1)});
    const TensorId hit = b_.add(of("ends.hit"), at_blank, at_label);
    return b_.scale(of("ends.penalty"), b_.offset(of("ends.missed"), hit, -1), -impossible);
  }

  Builder& b_;
  const std::string& name_;
  const Ctc& ctc_;
  std::int64_t batch_, time_, classes_, labels_, places_;
  TensorId active_ = -1, real_lengths_ = -1;
};

}  // namespace

TensorId ctc_loss(Builder& builder, const std::string& name, const Ctc& ctc) {
  return Recursion(builder, name, ctc).loss();
}

}  // namespace triad::workload
