#include "sim/workload/onnx/onnx.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>

#include "sim/workload/file_bytes.hpp"
#include "sim/workload/onnx/operators.hpp"

namespace triad::workload {
namespace {

using namespace onnx_import;
using Type = onnx::TensorProto;

/// What the YAML says beside the file.
struct Options {
  struct Input {
    std::optional<Shape> shape;
    std::int64_t classes = 0;
  };
  std::map<std::string, Input> inputs;
  std::map<std::string, config::Node> constants;  ///< by initializer, with its place
  std::map<std::string, config::Node> places;     ///< of the inputs
};

Options read_options(const config::Node& model) {
  Options options;
  if (const auto inputs = model.find("inputs")) {
    for (const std::string& name : inputs->keys()) {
      const config::Node node = inputs->at(name);
      Options::Input input;
      if (const auto shape = node.find("shape")) {
        input.shape.emplace();
        for (const config::Node& extent : shape->items()) input.shape->push_back(extent.integer(1, largest_dimension));
      }
      if (const auto classes = node.find("classes")) input.classes = classes->integer(1, largest_dimension);
      options.inputs[name] = input;
      options.places.emplace(name, node);
    }
  }
  if (const auto constants = model.find("constants")) {
    for (const config::Node& item : constants->items()) options.constants.emplace(item.text(), item);
  }
  return options;
}

bool finite(const Constant& constant) {
  return std::ranges::all_of(constant.reals, [](float value) { return std::isfinite(value); });
}

/// "/encoder/layers.0/MatMul_1" -> "encoder.layers.0.MatMul_1"; a node without a name is its operator and number.
std::string name_of(const onnx::NodeProto& node, int index) {
  std::string name = node.name();
  if (name.empty()) return node.op_type() + "_" + std::to_string(index);
  while (name.starts_with('/')) name.erase(0, 1);
  for (char& c : name) {
    if (c == '/') c = '.';
    if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = '_';
  }
  return name.empty() ? node.op_type() + "_" + std::to_string(index) : name;
}

class Importer {
 public:
  Importer(const onnx::ModelProto& model, const Options& options, Builder& builder)
      : graph_(model.graph()),
        opset_(opset(model)),
        options_(options),
        network_(builder.network()),
        builder_(builder) {}

  void run() {
    add_initializers();
    add_inputs();
    const std::vector<bool> needed = needed_nodes();
    for (int i = 0; i < graph_.node_size(); ++i) {
      if (needed[static_cast<std::size_t>(i)]) build(graph_.node(i), i);
    }
    for (const onnx::ValueInfoProto& output : graph_.output()) deliver(output.name());
    network_.output = *builder_.published(graph_.output(0).name());
    check_classes();
  }

 private:
  void add_initializers() {
    std::vector<std::string> names;
    for (const Type& tensor : graph_.initializer()) {
      auto constant = std::make_shared<const Constant>(constant_of(tensor));
      auto value = std::make_shared<Value>();
      value->name = tensor.name();
      value->weight = constant->is_real() && !constant->shape.empty() && constant->size() > 0 && finite(*constant) &&
                      !options_.constants.contains(tensor.name());
      value->constant = std::move(constant);
      if (!values_.emplace(tensor.name(), std::move(value)).second) {
        throw OnnxError(fmt::format("two initializers have the name '{}'", tensor.name()));
      }
      names.push_back(tensor.name());
    }
    for (const auto& [name, place] : options_.constants) {
      if (values_.contains(name)) continue;
      const std::string near = config::nearest(name, names);
      place.fail(
          fmt::format("the model has no initializer '{}'{}", name, near.empty() ? "" : "; did you mean " + near + "?"));
    }
  }

  void add_inputs() {
    std::vector<const onnx::ValueInfoProto*> inputs;
    for (const onnx::ValueInfoProto& input : graph_.input()) {
      if (!values_.contains(input.name())) inputs.push_back(&input);  // older models name initializers here, too
    }
    if (inputs.empty()) throw OnnxError("the model has no input");
    std::vector<std::string> names;
    for (const onnx::ValueInfoProto* input : inputs) {
      names.push_back(inputs.size() == 1 ? "x" : input->name());
      add_input(*input, names.back());
    }
    for (const auto& [name, place] : options_.places) {
      if (std::ranges::find(names, name) != names.end()) continue;
      place.fail(fmt::format("the model has no input '{}'; those are {}", name, fmt::join(names, ", ")));
    }
  }

  void add_input(const onnx::ValueInfoProto& input, const std::string& name) {
    const auto fail = [&](const std::string& what) { throw OnnxError(fmt::format("input '{}': {}", name, what)); };
    const auto found = options_.inputs.find(name);
    const Options::Input option = found == options_.inputs.end() ? Options::Input{} : found->second;
    if (!input.type().has_tensor_type()) fail("is no tensor");
    const auto& type = input.type().tensor_type();
    Shape shape;
    if (option.shape) {
      shape = *option.shape;
    } else {
      if (!type.has_shape()) fail("has no shape; say model.inputs." + name + ".shape");
      for (const auto& extent : type.shape().dim()) {
        if (!extent.has_dim_value()) {
          fail(fmt::format("the extent '{}' is open; say model.inputs.{}.shape, or export without dynamic_axes",
                           extent.dim_param(), name));
        }
        if (extent.dim_value() < 1 || extent.dim_value() > largest_dimension) {
          fail(fmt::format("an extent of {}, must be from 1 to {}", extent.dim_value(), largest_dimension));
        }
        shape.push_back(extent.dim_value());
      }
    }
    if (shape.empty()) fail("is a scalar; must have a batch");
    check_constant_shape(shape);
    const bool real = type.elem_type() == Type::FLOAT || type.elem_type() == Type::DOUBLE ||
                      type.elem_type() == Type::FLOAT16 || type.elem_type() == Type::BFLOAT16;
    const bool whole = type.elem_type() == Type::INT64 || type.elem_type() == Type::INT32;
    if (!real && !whole) fail("must be of real numbers, int32 or int64");
    Feed feed;
    feed.tensor = network_.graph.add_tensor({name, shape, whole ? Format::int32 : Format::fp32, graph::Role::input});
    feed.name = name;
    feed.classes = option.classes;
    if (feed.classes > 0 && !whole) fail("holds real numbers: it has no classes");
    network_.inputs.push_back(feed);
    builder_.publish(name, feed.tensor);
    auto value = std::make_shared<Value>();
    value->name = name;
    value->tensor = feed.tensor;
    if (!values_.emplace(input.name(), value).second) fail("two inputs have this name");
  }

  void deliver(const std::string& name) {
    const auto found = values_.find(name);
    if (found == values_.end()) throw OnnxError(fmt::format("output '{}': no node makes it", name));
    if (found->second->tensor < 0) throw OnnxError(fmt::format("output '{}' does not depend on the inputs", name));
    builder_.publish(name, found->second->tensor);
  }

  /// Which nodes the outputs depend on.
  std::vector<bool> needed_nodes() const {
    if (graph_.output_size() == 0) throw OnnxError("the model has no output");
    std::set<std::string> wanted;
    for (const onnx::ValueInfoProto& output : graph_.output()) wanted.insert(output.name());
    std::vector<bool> needed(static_cast<std::size_t>(graph_.node_size()), false);
    for (int i = graph_.node_size() - 1; i >= 0; --i) {
      const onnx::NodeProto& node = graph_.node(i);
      if (std::ranges::none_of(node.output(), [&](const std::string& o) { return wanted.contains(o); })) continue;
      needed[static_cast<std::size_t>(i)] = true;
      for (const std::string& input : node.input()) wanted.insert(input);
    }
    return needed;
  }

  void build(const onnx::NodeProto& proto, int index) {
    const Node node(proto, name_of(proto, index), opset_, values_, builder_);
    const std::span<const Operator> known = operators();
    const auto found = std::ranges::find(known, proto.op_type(), &Operator::name);
    if (found == known.end() || (!proto.domain().empty() && proto.domain() != "ai.onnx")) {
      const std::string near = nearest_operator(proto.op_type());
      node.fail("the operator is not supported; " + (near.empty()
                                                         ? "the README of sim/workload/onnx lists those that are"
                                                         : "the nearest that is: " + near));
    }
    for (std::size_t i = 0; i < found->least_inputs; ++i) node.value(i);
    try {
      found->build(node);
    } catch (const OnnxError&) {
      throw;
    } catch (const std::invalid_argument& error) {
      node.fail(error.what());
    } catch (const std::out_of_range& error) {
      node.fail(error.what());
    }
  }

  void check_classes() const {
    for (const Feed& feed : network_.inputs) {
      if (network_.graph.tensor(feed.tensor).format != Format::int32 || feed.classes > 0) continue;
      throw OnnxError(fmt::format(
          "input '{}': holds whole numbers and indexes no table; say how many there are: model.inputs.{}.classes",
          feed.name, feed.name));
    }
  }

  const onnx::GraphProto& graph_;
  std::int64_t opset_;
  const Options& options_;
  Network& network_;
  Builder& builder_;
  Values values_;
};

/// Names in a model may hold any bytes: what a message says of them stays on one line, and short.
std::string on_one_line(const std::filesystem::path& path, std::string message) {
  constexpr std::size_t most = 600;
  for (char& c : message) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  if (message.size() > most) message = message.substr(0, most) + "...";
  return path.string() + ": " + message;
}

}  // namespace

void read_onnx(const config::Node& model, Builder& builder) {
  const config::Node file = model.at("onnx");
  const std::filesystem::path path = file.folder() / file.text();
  const Options options = read_options(model);
  try {
    const auto proto = read_model(path);
    Importer(*proto, options, builder).run();
  } catch (const FileError& error) {
    file.fail(error.what());
  } catch (const OnnxError& error) {
    file.fail(on_one_line(path, error.what()));
  } catch (const std::invalid_argument& error) {
    file.fail(on_one_line(path, error.what()));
  }
}

}  // namespace triad::workload
