#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sim/config/node.hpp"
#include "sim/device/host_tensor.hpp"
#include "sim/graph/graph.hpp"

/// The network of a workload file: its layers and its loss as a forward graph.
namespace triad::workload {

inline constexpr std::int64_t largest_dimension = std::int64_t{1} << 24;  ///< of any array of a workload
inline constexpr std::int64_t largest_tensor = std::int64_t{1} << 40;     ///< elements, where no values exist
inline constexpr std::int64_t largest_array = std::int64_t{1} << 31;      ///< elements, where values exist

/// A tensor that is given anew each step: an input of the network or what a loss compares with.
struct Feed {
  graph::TensorId tensor = -1;
  std::string name;          ///< of its array in the data: "x", "tokens", "y"
  std::int64_t classes = 0;  ///< not 0: int32 numbers, 0 to classes - 1
  std::int64_t excluded =
      -1;                ///< a class that numbers must not have: the blank of ctc, the first or the last; -1: none
  bool ignores = false;  ///< numbers may be `ignored` (`ignore_index`)
  std::int64_t ignored = 0;
  bool target = false;
  /// How synthetic values are made (data.hpp).
  enum class Kind {
    uniform,  ///< with variance 1; numbers: all classes alike
    mask,     ///< [batch, n]: ones, then zeros: at least half of a row is one
    lengths,  ///< [batch]: from half the classes to the highest
    score,    ///< a target: what the teacher says
    sign,     ///< a target: 1 where the teacher says more than 0, else 0
  } kind = Kind::uniform;
};

/// How the initial value of a parameter is drawn where no file gives it.
struct Initial {
  enum class Kind { uniform, constant } kind = Kind::constant;
  double value = 0;  ///< uniform in [-value, value), or the value of every element
};
inline Initial uniform(double bound) {
  return {Initial::Kind::uniform, bound};
}
inline Initial everywhere(double value) {
  return {Initial::Kind::constant, value};
}

struct Network {
  graph::Graph graph;
  std::vector<Feed> inputs, targets;
  graph::TensorId output = -1;                 ///< what the last layer makes
  graph::TensorId step = -1;                   ///< int32 number of the step, from 0 (dropout); -1 where no op reads it
  std::map<graph::TensorId, Initial> initial;  ///< of every parameter
  /// Values that are known already: parameters of an imported model, constants that are not the same everywhere. Made
  /// when they are asked for: never with values off.
  std::map<graph::TensorId, std::function<device::HostTensor()>> given;
};

/// Reads `input` or `inputs`, `blocks`, `layers` (or `model`) and, but for inference, `loss` of a workload. With bf16
/// or fp16 the operands of every contraction are cast to it. Of inference the graph holds what the output depends on,
/// and no loss. Throws config::Error naming the layer.
Network read_network(const config::Node& workload, numerics::Format precision, bool values, bool inference = false);

}  // namespace triad::workload
