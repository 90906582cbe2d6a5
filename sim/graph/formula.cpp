#include "sim/graph/formula.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace triad::graph {
namespace {

struct FunctionInfo {
  Function function;
  const char* name;
  int arity;
};

/// In the order of Function.
constexpr FunctionInfo functions[] = {
    {Function::operand, "operand", 0},
    {Function::constant, "constant", 0},
    {Function::coordinate, "coordinate", 0},
    {Function::uniform, "uniform", 1},
    {Function::add, "add", 2},
    {Function::subtract, "subtract", 2},
    {Function::multiply, "multiply", 2},
    {Function::divide, "divide", 2},
    {Function::minimum, "minimum", 2},
    {Function::maximum, "maximum", 2},
    {Function::greater, "greater", 2},
    {Function::equal, "equal", 2},
    {Function::select, "select", 3},
    {Function::exponential, "exponential", 1},
    {Function::logarithm, "logarithm", 1},
    {Function::square_root, "square_root", 1},
    {Function::tanh, "tanh", 1},
    {Function::error_function, "error_function", 1},
    {Function::round, "round", 1},
    {Function::row_sum, "row_sum", 1},
    {Function::row_maximum, "row_maximum", 1},
};

const FunctionInfo& info(Function function) {
  const FunctionInfo& found = functions[static_cast<std::size_t>(function)];
  if (found.function != function) throw std::logic_error("the table of functions is not in the order of Function");
  return found;
}

bool is_reduction(Function function) {
  return function == Function::row_sum || function == Function::row_maximum;
}

}  // namespace

std::string to_string(Function function) {
  return info(function).name;
}

int arity(Function function) {
  return info(function).arity;
}

int Formula::add(Term term) {
  const auto found = std::ranges::find(terms, term);
  if (found != terms.end()) return static_cast<int>(found - terms.begin());
  terms.push_back(term);
  return static_cast<int>(terms.size()) - 1;
}

std::vector<int> Formula::stages() const {
  std::vector<int> result;
  for (const Term& term : terms) {
    int stage = 0;
    for (int i = 0; i < arity(term.function); ++i) {
      stage = std::max(stage, result[static_cast<std::size_t>(term.arguments[static_cast<std::size_t>(i)])]);
    }
    result.push_back(stage + (is_reduction(term.function) ? 1 : 0));
  }
  return result;
}

std::vector<bool> Formula::per_row() const {
  std::vector<bool> result;
  for (const Term& term : terms) {
    bool row = true;
    if (term.function == Function::operand) {
      const auto& stride = strides[static_cast<std::size_t>(term.arguments[0])];
      for (std::size_t axis = 0; axis < space.size(); ++axis)
        row &= !reduced[axis] || space[axis] == 1 || stride[axis] == 0;
    } else if (term.function == Function::coordinate) {
      const auto axis = static_cast<std::size_t>(term.arguments[0]);
      row = !reduced[axis] || space[axis] == 1;
    } else if (term.function == Function::uniform) {
      row = row_length() == 1;
    } else if (!is_reduction(term.function)) {
      for (int i = 0; i < arity(term.function); ++i) {
        row = row && result[static_cast<std::size_t>(term.arguments[static_cast<std::size_t>(i)])];
      }
    }
    result.push_back(row);
  }
  return result;
}

std::int64_t Formula::rows() const {
  std::int64_t product = 1;
  for (std::size_t axis = 0; axis < space.size(); ++axis) product *= reduced[axis] ? 1 : space[axis];
  return product;
}

std::int64_t Formula::row_length() const {
  std::int64_t product = 1;
  for (std::size_t axis = 0; axis < space.size(); ++axis) product *= reduced[axis] ? space[axis] : 1;
  return product;
}

Formula simplified(const Formula& formula) {
  std::vector<bool> pinned(formula.space.size(), false);  // axes with a coordinate
  for (const Term& term : formula.terms) {
    if (term.function == Function::coordinate) pinned[static_cast<std::size_t>(term.arguments[0])] = true;
  }
  Formula result;
  result.results = formula.results;
  result.strides.resize(formula.strides.size());
  std::vector<int> place(formula.space.size(), -1);  // of the axis in the result
  bool joinable = false;                             // may the next axis join the last one of the result?
  for (std::size_t axis = 0; axis < formula.space.size(); ++axis) {
    if (formula.space[axis] == 1 && !pinned[axis]) continue;
    bool joins = joinable && !pinned[axis] && result.reduced.back() == formula.reduced[axis];
    for (std::size_t i = 0; joins && i < formula.strides.size(); ++i) {
      joins = result.strides[i].back() == formula.strides[i][axis] * formula.space[axis];
    }
    if (joins) {
      result.space.back() *= formula.space[axis];
      for (std::size_t i = 0; i < formula.strides.size(); ++i) result.strides[i].back() = formula.strides[i][axis];
    } else {
      result.space.push_back(formula.space[axis]);
      result.reduced.push_back(formula.reduced[axis]);
      for (std::size_t i = 0; i < formula.strides.size(); ++i) result.strides[i].push_back(formula.strides[i][axis]);
    }
    place[axis] = static_cast<int>(result.space.size()) - 1;
    joinable = !pinned[axis];
  }
  if (result.space.empty()) {
    result.space = {1};
    result.reduced = {false};
    for (auto& strides : result.strides) strides = {0};
  }
  result.terms = formula.terms;
  for (Term& term : result.terms) {
    if (term.function == Function::coordinate) term.arguments[0] = place[static_cast<std::size_t>(term.arguments[0])];
  }
  return result;
}

std::vector<std::int64_t> broadcast_strides(const Shape& shape, const Shape& space) {
  if (shape.size() > space.size()) {
    throw std::invalid_argument(fmt::format("{} does not broadcast to {}", to_string(shape), to_string(space)));
  }
  std::vector<std::int64_t> strides(space.size(), 0);
  std::int64_t stride = 1;
  for (std::size_t back = 1; back <= shape.size(); ++back) {
    const std::int64_t extent = shape[shape.size() - back];
    if (extent != 1 && extent != space[space.size() - back]) {
      throw std::invalid_argument(fmt::format("{} does not broadcast to {}", to_string(shape), to_string(space)));
    }
    if (extent != 1) strides[space.size() - back] = stride;
    stride *= extent;
  }
  return strides;
}

Shape broadcast_shape(std::span<const Tensor> tensors) {
  Shape shape;
  for (const Tensor& tensor : tensors) {
    if (tensor.shape.size() > shape.size()) shape.insert(shape.begin(), tensor.shape.size() - shape.size(), 1);
    for (std::size_t back = 1; back <= tensor.shape.size(); ++back) {
      std::int64_t& extent = shape[shape.size() - back];
      const std::int64_t other = tensor.shape[tensor.shape.size() - back];
      if (extent == 1) extent = other;
      if (other != 1 && other != extent) {
        std::string all;
        for (const Tensor& each : tensors) {
          all += fmt::format("{}{} {}", all.empty() ? "" : ", ", each.name, to_string(each.shape));
        }
        throw std::invalid_argument(all + " do not broadcast: dimensions, counted from the last, must be equal or 1");
      }
    }
  }
  return shape;
}

std::string to_string(const Formula& formula) {
  std::string text = fmt::format("over {}", to_string(formula.space));
  for (std::size_t axis = 0; axis < formula.reduced.size(); ++axis) {
    if (formula.reduced[axis]) text += fmt::format(", axis {} reduced", axis);
  }
  text += "\n";
  for (std::size_t i = 0; i < formula.terms.size(); ++i) {
    const Term& term = formula.terms[i];
    text += fmt::format("  t{} = {}", i, to_string(term.function));
    if (term.function == Function::operand) {
      const auto number = static_cast<std::size_t>(term.arguments[0]);
      text += fmt::format(" {} strides {}", number, to_string(formula.strides.at(number)));
    } else if (term.function == Function::coordinate) {
      text += fmt::format(" {}", term.arguments[0]);
    } else if (term.function == Function::constant) {
      text += fmt::format(" {}", term.value);
    } else {
      if (term.function == Function::uniform) text += fmt::format(" seed {}", term.value);
      for (int a = 0; a < arity(term.function); ++a) {
        text += fmt::format(" t{}", term.arguments[static_cast<std::size_t>(a)]);
      }
    }
    text += "\n";
  }
  for (const Formula::Result& result : formula.results) {
    text += fmt::format("  -> t{}{}\n", result.term, result.per_row ? " per row" : "");
  }
  return text;
}

Expression make(Function function, Expression a) {
  return {a.formula(), a.formula().add({function, {a.term(), -1, -1}})};
}
Expression make(Function function, Expression a, Expression b) {
  return {a.formula(), a.formula().add({function, {a.term(), b.term(), -1}})};
}
Expression constant(Formula& formula, double value) {
  return {formula, formula.add({Function::constant, {-1, -1, -1}, value})};
}
Expression coordinate(Formula& formula, std::size_t axis) {
  return {formula, formula.add({Function::coordinate, {static_cast<int>(axis), -1, -1}})};
}
Expression uniform(Formula& formula, std::uint32_t seed, Expression step) {
  return {formula, formula.add({Function::uniform, {step.term(), -1, -1}, static_cast<double>(seed)})};
}
Expression select(Expression condition, Expression then, Expression otherwise) {
  return {condition.formula(),
          condition.formula().add({Function::select, {condition.term(), then.term(), otherwise.term()}})};
}
Expression operator+(Expression a, Expression b) {
  return make(Function::add, a, b);
}
Expression operator-(Expression a, Expression b) {
  return make(Function::subtract, a, b);
}
Expression operator*(Expression a, Expression b) {
  return make(Function::multiply, a, b);
}
Expression operator/(Expression a, Expression b) {
  return make(Function::divide, a, b);
}
Expression operator+(Expression a, double b) {
  return a + constant(a.formula(), b);
}
Expression operator-(Expression a, double b) {
  return a - constant(a.formula(), b);
}
Expression operator*(Expression a, double b) {
  return a * constant(a.formula(), b);
}
Expression operator/(Expression a, double b) {
  return a / constant(a.formula(), b);
}
Expression operator+(double a, Expression b) {
  return constant(b.formula(), a) + b;
}
Expression operator-(double a, Expression b) {
  return constant(b.formula(), a) - b;
}
Expression operator*(double a, Expression b) {
  return constant(b.formula(), a) * b;
}
Expression operator/(double a, Expression b) {
  return constant(b.formula(), a) / b;
}

}  // namespace triad::graph
