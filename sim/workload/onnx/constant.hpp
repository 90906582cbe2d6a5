#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "sim/device/host_tensor.hpp"
#include "sim/graph/op.hpp"

/// Values that are known when a model is imported: constants, shapes and what is computed from them.
namespace triad::workload::onnx_import {

using graph::Attributes;
using graph::OpKind;
using graph::Shape;
using graph::TensorId;

struct Constant {
  enum class Type { real, integer, boolean } type = Type::real;
  Shape shape;                         ///< an extent may be 0
  std::vector<float> reals;            ///< of type real
  std::vector<std::int64_t> integers;  ///< of the others; booleans are 0 and 1

  static Constant of(Shape shape, std::vector<float> values);
  static Constant of_integers(Shape shape, std::vector<std::int64_t> values);
  static Constant of_booleans(Shape shape, std::vector<std::int64_t> values);

  bool is_real() const { return type == Type::real; }
  std::int64_t size() const { return graph::elements(shape); }
  double number(std::size_t index) const;         ///< any type
  std::int64_t integer(std::size_t index) const;  ///< any type; a real is truncated
  bool all(double value) const;                   ///< is every element this?
  device::HostTensor tensor() const;              ///< fp32 (real, boolean) or int32; throws std::invalid_argument
};

/// Most elements of a constant that is computed at import.
inline constexpr std::int64_t largest_constant = std::int64_t{1} << 27;
/// Throws std::invalid_argument when an extent is negative or the shape has more elements than that.
void check_constant_shape(const Shape& shape);

/// Element by element with NumPy's broadcasting. `integers` is used where both operands are whole numbers or booleans,
/// else `reals`.
using OfIntegers = std::function<std::int64_t(std::int64_t, std::int64_t)>;
using OfReals = std::function<double(double, double)>;
Constant combined(const Constant& a, const Constant& b, const OfIntegers& integers, const OfReals& reals);
/// The same for a comparison: booleans.
Constant compared(const Constant& a, const Constant& b, const std::function<bool(double, double)>& function);
/// Element by element; a real result.
Constant mapped(const Constant& a, const std::function<double(double)>& function);
/// condition ? a : b, broadcast.
Constant chosen(const Constant& condition, const Constant& a, const Constant& b);

/// What a movement op of the graph or a reshape makes of constants of one type (movement.hpp). Throws
/// std::invalid_argument.
Constant moved(OpKind kind, const std::vector<const Constant*>& inputs, const Attributes& attributes);

}  // namespace triad::workload::onnx_import
