#include "sim/workload/losses.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace triad::workload {
namespace {

using graph::Role;

/// One loss and where it stands.
class Loss {
 public:
  Loss(Builder& builder, const LayerList& layers, const Scope& top, const config::Node& node, std::string name)
      : builder_(builder), layers_(layers), top_(top), node_(node), name_(std::move(name)) {
    map_ = node.is_map();
    const config::Node type = map_ ? node.at("type") : node;
    type_ = type.choice({"mse", "l1", "cross_entropy", "bce_with_logits", "ctc"});
    from_ = builder.network().output;
    if (const auto from = find("from")) from_ = layers.find(*from, from->text(), top);
  }

  /// The scalar; the root of the loss has the name `name_`.
  TensorId build() {
    if (type_ == "cross_entropy") return cross_entropy();
    if (type_ == "ctc") return ctc();
    Feed feed;
    feed.kind = type_ == "bce_with_logits" ? Feed::Kind::sign : Feed::Kind::score;
    const OpKind kind = type_ == "mse" ? OpKind::mse : type_ == "l1" ? OpKind::l1 : OpKind::bce_with_logits;
    return builder_.op(kind, name_, {from_, target(shape(), feed)});
  }
  double weight() const {
    const auto weight = find("weight");
    return weight ? weight->number(-1e6, 1e6) : 1.0;
  }

 private:
  const Shape& shape() const { return builder_.shape(from_); }
  std::optional<config::Node> find(std::string_view key) const {
    return map_ ? node_.find(key) : std::optional<config::Node>();
  }
  [[noreturn]] void fail(const std::string& message) const { node_.fail(message); }

  /// The tensor compared with: a layer or input of this name, or else an array of the data.
  TensorId target(const Shape& shape, Feed feed) {
    const auto named = find("target");
    feed.name = named ? named->text() : "y";
    feed.target = true;
    const bool whole = feed.classes != 0;
    std::optional<TensorId> known;
    if (named) known = feed.name == "input" ? top_.inputs.at(0) : builder_.published(feed.name);
    for (const Feed& other : builder_.network().targets) {
      if (other.name == feed.name) known = other.tensor;
    }
    for (const Feed& input : builder_.network().inputs) {
      if (!named && input.name == feed.name) fail("the input y is not its target unless it says so: say target: NAME");
    }
    if (known) {
      const graph::Tensor& tensor = builder_.graph().tensor(*known);
      if (tensor.shape != shape || (tensor.format == Format::int32) != whole) {
        fail(fmt::format("the target {} {} must be {} {}", feed.name, graph::to_string(tensor.shape),
                         whole ? "whole numbers" : "real numbers", graph::to_string(shape)));
      }
      return *known;
    }
    if (named && feed.name.find('.') != std::string::npos) layers_.find(*named, feed.name, top_);  // an error
    feed.tensor = builder_.graph().add_tensor({feed.name, shape, whole ? Format::int32 : Format::fp32, Role::input});
    builder_.network().targets.push_back(feed);
    return feed.tensor;
  }

  /// Mean over all samples; with ignore_index over those that have another class.
  TensorId cross_entropy() {
    Shape logits = shape();
    if (logits.size() < 2)
      fail(fmt::format("cross_entropy takes [batch, ..., classes], not {}", graph::to_string(logits)));
    const auto axis_node = find("axis");
    const auto rank = static_cast<std::int64_t>(logits.size());
    std::int64_t axis = axis_node ? axis_node->integer(-rank, rank - 1) : rank - 1;
    if (axis < 0) axis += rank;
    if (axis == 0) axis_node->fail("axis 0 is the batch");
    TensorId rows = from_;
    if (axis != rank - 1) {  // [batch, classes, height, width] -> [batch, height, width, classes]
      std::vector<std::int64_t> permutation;
      for (std::int64_t i = 0; i < rank; ++i) {
        if (i != axis) permutation.push_back(i);
      }
      permutation.push_back(axis);
      rows = builder_.transpose(name_ + ".transpose", rows, permutation);
      logits = builder_.shape(rows);
    }
    const std::int64_t classes = logits.back(), samples = graph::elements(logits) / classes;
    Feed feed;
    feed.classes = classes;
    feed.kind = Feed::Kind::score;
    Attributes attributes;
    const auto ignore = find("ignore_index");
    if (ignore) {
      feed.ignored = ignore->integer(-(1 << 24), 1 << 24);
      feed.ignores = true;
      attributes["ignore_index"] = feed.ignored;
    }
    TensorId y = target(Shape(logits.begin(), logits.end() - 1), feed);
    rows = builder_.reshape(name_ + ".rows", rows, {samples, classes});
    y = builder_.reshape(name_ + ".classes", y, {samples});
    const TensorId each = builder_.op(OpKind::cross_entropy, name_ + ".samples", {rows, y}, attributes);
    if (!ignore) return builder_.reduce(OpKind::reduce_mean, name_, each, {0});
    const TensorId index = builder_.constant(fmt::format("ignore_index.{}", feed.ignored), {},
                                             static_cast<double>(feed.ignored), Format::int32);
    const TensorId ignored = builder_.op(OpKind::equal, name_ + ".ignored", {y, index});
    const TensorId valid = builder_.offset(name_ + ".valid", builder_.scale(name_ + ".kept", ignored, -1), 1);
    const TensorId count = builder_.reduce(OpKind::reduce_sum, name_ + ".count", valid, {0});
    const TensorId sum = builder_.reduce(OpKind::reduce_sum, name_ + ".sum", each, {0});
    return builder_.op(OpKind::divide, name_, {sum, count});
  }

  TensorId ctc() {
    const Shape logits = shape();
    if (logits.size() != 3) fail(fmt::format("ctc takes [batch, time, classes], not {}", graph::to_string(logits)));
    if (!map_) fail("ctc needs the greatest number of labels: {type: ctc, labels: 20}");
    const std::int64_t labels = node_.at("labels").integer(1, logits[1]);
    Ctc ctc;
    if (const auto blank = find("blank")) {
      ctc.blank = blank->integer(0, logits[2] - 1);
      if (ctc.blank != 0 && ctc.blank != logits[2] - 1) blank->fail("the first class, or the last");
    }
    if (logits[2] < 2) fail("ctc needs a class beside the blank");
    Feed feed;
    feed.classes = logits[2];
    feed.excluded = ctc.blank;
    ctc.labels = target({logits[0], labels}, feed);
    const auto lengths = [&](const char* key, std::int64_t longest) -> TensorId {
      const auto named = find(key);
      if (!named) return -1;
      if (const auto known = builder_.published(named->text())) {
        const graph::Tensor& tensor = builder_.graph().tensor(*known);
        if (tensor.format != Format::int32 || tensor.shape != Shape{logits[0]}) {
          named->fail(
              fmt::format("{} {} must be whole numbers [{}]", tensor.name, graph::to_string(tensor.shape), logits[0]));
        }
        return *known;
      }
      Feed own;
      own.name = named->text();
      own.classes = longest + 1;
      own.target = true;
      own.kind = Feed::Kind::lengths;
      own.tensor = builder_.graph().add_tensor({own.name, {logits[0]}, Format::int32, Role::input});
      builder_.network().targets.push_back(own);
      return own.tensor;
    };
    ctc.input_lengths = lengths("input_lengths", logits[1]);
    ctc.label_lengths = lengths("label_lengths", labels);
    ctc.log_probabilities =
        builder_.op(OpKind::log_softmax, name_ + ".log_softmax", {from_}, {{"axes", std::vector<std::int64_t>{2}}});
    return ctc_loss(builder_, name_, ctc);
  }

  Builder& builder_;
  const LayerList& layers_;
  const Scope& top_;
  const config::Node& node_;
  std::string name_, type_;
  bool map_ = false;
  TensorId from_ = -1;
};

}  // namespace

void read_losses(Builder& builder, const LayerList& layers, const Scope& top, const config::Node& node) {
  std::vector<config::Node> parts = {node};
  if (node.is_list()) parts = node.items();
  if (parts.empty()) node.fail("names at least one loss");
  TensorId sum = -1;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool last = i + 1 == parts.size();
    const std::string name = parts.size() == 1 ? "loss" : fmt::format("loss.{}", i);
    Loss loss(builder, layers, top, parts[i], name);
    TensorId value = loss.build();
    if (const double weight = loss.weight(); weight != 1) value = builder.scale(name + ".weighted", value, weight);
    sum = sum == -1 ? value : builder.add(last ? "loss" : "loss.sum", sum, value);
  }
  builder.graph().loss = sum;
}

}  // namespace triad::workload
