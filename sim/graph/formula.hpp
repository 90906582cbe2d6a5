#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sim/graph/graph.hpp"

/// What an op other than a contraction, a movement, a window or an indexed op computes, stated once. The reference and
/// every device execute the same formula, so an op that is declared by one runs everywhere.
///
///     softmax over the last axis:   e = exp(x - row_max(x));   y = e / row_sum(e)
namespace triad::graph {

/// A scalar function of fp32 values. Arithmetic is one fp32 operation rounded to nearest even; exponential to
/// error_function are the stated sequences of sim/numerics/elementary.hpp or a device's own within 2 units in the last
/// place (its README says so). `a`, `b`, `c` are Term::arguments.
enum class Function {
  operand,      ///< element of operand number a at this point; bf16 and fp16 widened, int8 and int32 converted
  constant,     ///< Term::value
  coordinate,   ///< this point's index along axis a of the space
  uniform,      ///< numerics::uniform(seed = Term::value, step = value of a, index of this point in the space), [0, 1)
  add,          ///< a + b
  subtract,     ///< a - b
  multiply,     ///< a * b
  divide,       ///< a / b
  minimum,      ///< the smaller one; NaN if one is NaN
  maximum,      ///< the larger one; NaN if one is NaN
  greater,      ///< a > b ? 1 : 0
  equal,        ///< a == b ? 1 : 0
  select,       ///< a != 0 ? b : c
  exponential,  ///< e^a
  logarithm,    ///< natural
  square_root,  ///< sqrt(a), rounded to nearest even
  tanh,         ///< hyperbolic tangent
  error_function,  ///< erf(a)
  round,           ///< to the nearest integer, ties to even
  row_sum,         ///< sum of a over the reduced axes: one value per row; the order of additions is the device's
  row_maximum,     ///< largest a over the reduced axes; NaN if one is NaN
};
std::string to_string(Function function);
int arity(Function function);  ///< how many terms it reads

/// One value of a formula; reads earlier terms only.
struct Term {
  Function function;
  std::array<int, 3> arguments = {-1, -1, -1};  ///< terms; of `operand` and `coordinate`: the number itself
  double value = 0;                             ///< of `constant` (rounded to fp32) and `uniform`
  bool operator==(const Term&) const = default;
};

/// A scalar program over every point of a space. A row is all points that differ in the reduced axes only; without
/// reduced axes each point is a row of its own.
struct Formula {
  Shape space;
  std::vector<bool> reduced;  ///< by axis
  /// By operand: elements from one index to the next along each axis, 0 where the operand repeats.
  std::vector<std::vector<std::int64_t>> strides;
  std::vector<Term> terms;
  /// By output of the op. The output is dense and row-major: over the space, or over the axes that are not reduced
  /// when `per_row`.
  struct Result {
    int term;
    bool per_row;
  };
  std::vector<Result> results;

  /// Appends a term, or finds the equal one that is there.
  int add(Term term);
  /// Row reductions that must be complete before the term can be computed: 0 for element-wise terms, 1 for what reads
  /// a row_sum, 2 for what reads a row_sum of those, ... (a row_sum itself belongs to the stage that it ends:
  /// row_sum(x) has stage 1). A device that cannot hold a row passes over it once per stage.
  std::vector<int> stages() const;
  /// Does the term have one value per row (reductions, constants, operands that repeat over the reduced axes, and what
  /// is made of these)?
  std::vector<bool> per_row() const;
  std::int64_t rows() const;        ///< points over the axes that are not reduced
  std::int64_t row_length() const;  ///< points over the reduced axes
};

/// The formula with axes of extent 1 dropped and neighbouring axes merged wherever all strides allow (an axis with a
/// `coordinate` stays). The order of points does not change. At least one axis remains.
Formula simplified(const Formula& formula);

/// Strides by which a tensor of `shape` is read over `space` under NumPy's broadcasting rule. Throws
/// std::invalid_argument when it does not broadcast.
std::vector<std::int64_t> broadcast_strides(const Shape& shape, const Shape& space);
/// The shape that all broadcast to. Throws std::invalid_argument.
Shape broadcast_shape(std::span<const Tensor> tensors);

/// "y = exp(x0 - row_max(x0)) / ..." for people: one line per term.
std::string to_string(const Formula& formula);

/// A term of a formula under construction, with the operators of arithmetic.
class Expression {
 public:
  Expression(Formula& formula, int term) : formula_(&formula), term_(term) {}
  int term() const { return term_; }
  Formula& formula() const { return *formula_; }

 private:
  Formula* formula_;
  int term_;
};
Expression make(Function function, Expression a);
Expression make(Function function, Expression a, Expression b);
Expression constant(Formula& formula, double value);
Expression coordinate(Formula& formula, std::size_t axis);
Expression uniform(Formula& formula, std::uint32_t seed, Expression step);
Expression select(Expression condition, Expression then, Expression otherwise);
Expression operator+(Expression a, Expression b);
Expression operator-(Expression a, Expression b);
Expression operator*(Expression a, Expression b);
Expression operator/(Expression a, Expression b);
Expression operator+(Expression a, double b);
Expression operator-(Expression a, double b);
Expression operator*(Expression a, double b);
Expression operator/(Expression a, double b);
Expression operator+(double a, Expression b);
Expression operator-(double a, Expression b);
Expression operator*(double a, Expression b);
Expression operator/(double a, Expression b);

}  // namespace triad::graph
