#include <stdexcept>

#include "models/gpu/generator/row_kernel.hpp"
#include "models/gpu/generator/scalar.hpp"

/// Values of terms, and the places of elements.
namespace triad::gpu::generator {

using graph::Function;
using graph::Term;

Name RowKernel::value(int term, Scope& scope) {
  const Term& t = formula_.terms[static_cast<std::size_t>(term)];
  if (t.function == Function::constant) return literal(static_cast<float>(t.value));
  Scope& at = home(term, scope);
  if (at.values[static_cast<std::size_t>(term)].empty()) {
    const Name computed = compute(term, at);
    at.values[static_cast<std::size_t>(term)] = computed;
  }
  return at.values[static_cast<std::size_t>(term)];
}

/// A comparison as a predicate.
Name RowKernel::predicate(int term, Scope& scope) {
  const Term& t = formula_.terms[static_cast<std::size_t>(term)];
  Scope& at = home(term, scope);
  if (at.predicates[static_cast<std::size_t>(term)].empty()) {
    const Name a = value(t.arguments[0], at), b = value(t.arguments[1], at);
    at.predicates[static_cast<std::size_t>(term)] = write_comparison(w_, t.function, a, b);
  }
  return at.predicates[static_cast<std::size_t>(term)];
}

Name RowKernel::compute(int term, Scope& scope) {
  const Term& t = formula_.terms[static_cast<std::size_t>(term)];
  const auto argument = [&](std::size_t i) {
    return static_cast<int>(i) < graph::arity(t.function) ? value(t.arguments[i], scope) : Name();
  };
  switch (t.function) {
    case Function::operand: {
      const auto number = static_cast<std::size_t>(t.arguments[0]);
      const Access& access = request_.operands[number];
      const Name at = element(number, access, scope);
      return access.raw ? w_.load_raw(at, access.format) : w_.load(at, access.format);
    }
    case Function::coordinate: {
      const Name at = coordinate(static_cast<std::size_t>(t.arguments[0]), scope);
      return at.empty() ? literal(0.0f) : w_.floating("cvt.rn.f32.u32", at);
    }
    case Function::uniform: {
      const Name of_row = offset(dense_, row_), of_point = &scope == &row_ ? Name() : offset(dense_, scope);
      const Name index = of_row.empty() ? of_point : w_.multiply_add(of_point, 1, of_row);
      return write_uniform(w_, static_cast<std::uint32_t>(t.value), argument(0), index);
    }
    case Function::greater:
    case Function::equal:
      return w_.floating("selp.f32", literal(1.0f), literal(0.0f), predicate(term, scope));
    case Function::select: {
      const Function condition = formula_.terms[static_cast<std::size_t>(t.arguments[0])].function;
      if (condition == Function::greater || condition == Function::equal) {
        const Name yes = argument(1), no = argument(2);
        return w_.floating("selp.f32", yes, no, predicate(t.arguments[0], scope));
      }
      break;
    }
    case Function::row_sum:
    case Function::row_maximum:
      throw std::logic_error("a reduction is read before its stage");
    default:
      break;
  }
  const Name a = argument(0), b = argument(1), c = argument(2);
  return write_function(w_, t.function, a, b, c);
}

Name RowKernel::quotient(std::int64_t divisor, Scope& scope) {
  if (divisor == 1) return scope.position;
  Name& q = scope.quotients[divisor];
  if (q.empty()) q = w_.quotient(scope.position, divisor);
  return q;
}

/// Points over the axes behind this one that are reduced or kept like it.
std::int64_t RowKernel::extent_behind(std::size_t axis) const {
  std::int64_t product = 1;
  for (std::size_t next = axis + 1; next < formula_.space.size(); ++next) {
    if (formula_.reduced[next] == formula_.reduced[axis]) product *= formula_.space[next];
  }
  return product;
}

Name RowKernel::coordinate(std::size_t axis, Scope& scope) {
  Scope& at = formula_.reduced[axis] ? scope : row_;
  const std::int64_t total = formula_.reduced[axis] ? plan_.length : plan_.rows;
  const std::int64_t behind = extent_behind(axis), extent = formula_.space[axis];
  if (at.position.empty() || extent == 1) return {};
  const Name q = quotient(behind, at);
  if (behind * extent >= total) return q;
  return w_.multiply_add(quotient(behind * extent, at), -extent, q);
}

/// Elements from the tensor's begin to the row, or from the row's begin to the position; empty: none.
Name RowKernel::offset(const std::vector<std::int64_t>& strides, Scope& scope) {
  const bool of_row = &scope == &row_;
  if (scope.position.empty()) return {};
  const auto known = scope.offsets.find(strides);
  if (known != scope.offsets.end()) return known->second;
  // Axes that the tensor steps through like one are one.
  struct Group {
    std::int64_t extent, stride;
  };
  std::vector<Group> groups;
  for (std::size_t axis = 0; axis < formula_.space.size(); ++axis) {
    const std::int64_t extent = formula_.space[axis];
    if (formula_.reduced[axis] == of_row || extent == 1) continue;
    if (!groups.empty() && groups.back().stride == strides[axis] * extent) {
      groups.back().extent *= extent;
      groups.back().stride = strides[axis];
    } else {
      groups.push_back({extent, strides[axis]});
    }
  }
  const std::int64_t total = of_row ? plan_.rows : plan_.length;
  std::int64_t behind = 1;
  Name sum;
  for (std::size_t g = groups.size(); g-- > 0;) {
    const auto [extent, stride] = groups[g];
    if (stride != 0) {
      // (q - q' extent) stride, with q = position / behind and q' = position / (behind extent)
      Name index = quotient(behind, scope);
      if (behind * extent < total) index = w_.multiply_add(quotient(behind * extent, scope), -extent, index);
      sum = w_.multiply_add(index, stride, sum);
    }
    behind *= extent;
  }
  scope.offsets[strides] = sum;
  return sum;
}

Name RowKernel::pointer(std::size_t number) {
  Name& p = pointers_[number];
  if (p.empty()) {
    p = w_.new_pair();
    w_.line("ld.param.u64 {}, [p{}]", p, number);
  }
  return p;
}

Name RowKernel::row_address(std::size_t number, const Access& access) {
  Name& at = row_addresses_[number];
  if (at.empty()) at = w_.address(pointer(number), offset(access.strides, row_), numerics::bytes_of(access.format));
  return at;
}

Name RowKernel::element(std::size_t number, const Access& access, Scope& scope) {
  const Name row = row_address(number, access);
  if (&scope == &row_) return row;
  return w_.address(row, offset(access.strides, scope), numerics::bytes_of(access.format));
}

void RowKernel::store(std::size_t result, Scope& scope, const std::string& guard) {
  const std::size_t number = request_.operands.size() + result;
  const Access& access = request_.results[result];
  const Name v = value(formula_.results[result].term, scope);
  const Name at = element(number, access, scope);
  if (access.raw) {
    w_.store_raw(at, v, access.format, guard);
  } else {
    w_.store(at, v, access.format, guard);
  }
}

}  // namespace triad::gpu::generator
