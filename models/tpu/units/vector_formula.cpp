#include "models/tpu/units/vector_formula.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <span>
#include <stdexcept>

#include "models/tpu/units/vector_cost.hpp"
#include "sim/numerics/elementary.hpp"
#include "sim/numerics/random.hpp"

namespace triad::tpu {

using graph::Formula;
using graph::Function;
using graph::Term;
using numerics::canonical;

namespace {

/// The values of a term, dense over the axes along which it varies.
struct Values {
  std::vector<float> data;
  std::vector<std::int64_t> strides;
};

class Evaluation {
 public:
  Evaluation(const Vector& v, int lanes, const kit::Scratchpad& vmem)
      : v_(v), formula_(*v.formula), lanes_(lanes), vmem_(vmem), axes_(axes_of_terms(formula_)) {
    for (std::size_t axis = 0; axis < formula_.reduced.size(); ++axis) {
      reduced_ |= std::uint32_t{formula_.reduced[axis]} << axis;
    }
  }

  std::vector<BoxResult> run() {
    values_.resize(formula_.terms.size());
    std::vector<std::size_t> last_use(formula_.terms.size(), 0);
    for (std::size_t t = 0; t < formula_.terms.size(); ++t) {
      for_arguments(t, [&](std::size_t argument) { last_use[argument] = t; });
    }
    for (const Formula::Result& made : formula_.results) {
      last_use[static_cast<std::size_t>(made.term)] = formula_.terms.size();
    }
    for (std::size_t t = 0; t < formula_.terms.size(); ++t) {
      values_[t].strides = dense(v_.extents, axes_[t]);
      values_[t].data.resize(points(v_.extents, axes_[t]));
      compute(formula_.terms[t], t);
      for_arguments(t, [&](std::size_t argument) {
        if (last_use[argument] == t) values_[argument].data = {};
      });
    }
    std::vector<BoxResult> results;
    for (std::size_t i = 0; i < formula_.results.size(); ++i) results.push_back(result(i));
    return results;
  }

 private:
  template <class Visit>
  void for_arguments(std::size_t t, Visit visit) const {
    const Term& term = formula_.terms[t];
    for (int i = 0; i < graph::arity(term.function); ++i) {
      visit(static_cast<std::size_t>(term.arguments[static_cast<std::size_t>(i)]));
    }
  }

  void compute(const Term& term, std::size_t t) {
    const auto binary = [&](auto function) { apply<2>(t, function); };
    const auto unary = [&](auto function) { apply<1>(t, [&](float a, float, float) { return function(a); }); };
    switch (term.function) {
      case Function::operand: {
        // Where an extent is 1 the place on chip need not have the formula's axes.
        Place place = v_.operands[static_cast<std::size_t>(term.arguments[0])];
        values_[t].data = read_box(vmem_, place, v_.extents);
        values_[t].strides = dense(v_.extents, varying(place.strides));
        return;
      }
      case Function::constant:
        values_[t].data[0] = static_cast<float>(term.value);
        return;
      case Function::coordinate: {
        const auto axis = static_cast<std::size_t>(term.arguments[0]);
        for (std::size_t i = 0; i < values_[t].data.size(); ++i) {
          values_[t].data[i] = static_cast<float>(v_.origin[axis] + static_cast<std::int64_t>(i));
        }
        return;
      }
      case Function::uniform:
        return uniform(term, t);
      case Function::add:
        return binary([](float a, float b, float) { return a + b; });
      case Function::subtract:
        return binary([](float a, float b, float) { return a - b; });
      case Function::multiply:
        return binary([](float a, float b, float) { return a * b; });
      case Function::divide:
        return binary([](float a, float b, float) { return a / b; });
      case Function::minimum:
        return binary([](float a, float b, float) { return a < b || a != a ? a : b; });
      case Function::maximum:
        return binary([](float a, float b, float) { return a > b || a != a ? a : b; });
      case Function::greater:
        return binary([](float a, float b, float) { return a > b ? 1.0f : 0.0f; });
      case Function::equal:
        return binary([](float a, float b, float) { return a == b ? 1.0f : 0.0f; });
      case Function::select:
        return apply<3>(t, [](float a, float b, float c) { return a != 0 ? b : c; });
      case Function::exponential:
        return unary([](float a) { return numerics::exponential(a); });
      case Function::logarithm:
        return unary([](float a) { return numerics::logarithm(a); });
      case Function::square_root:
        return unary([](float a) { return std::sqrt(a); });
      case Function::tanh:
        return unary([](float a) { return numerics::hyperbolic_tangent(a); });
      case Function::error_function:
        return unary([](float a) { return numerics::error_function(a); });
      case Function::round:
        return unary([](float a) { return std::nearbyint(a); });
      case Function::row_sum:
      case Function::row_maximum:
        return reduce(term, t);
    }
    throw std::logic_error("the vector unit has no " + graph::to_string(term.function));
  }

  const Values& argument(std::size_t t, int i) const {
    return values_[static_cast<std::size_t>(formula_.terms[t].arguments[static_cast<std::size_t>(i)])];
  }

  template <int arity, class F>
  void apply(std::size_t t, F function) {
    const Values &a = argument(t, 0), &b = arity > 1 ? argument(t, 1) : a, &c = arity > 2 ? argument(t, 2) : a;
    const Lines lines(v_.extents, axes_[t]);
    const std::int64_t n = lines.length(), sa = lines.step(a.strides), sb = lines.step(b.strides),
                       sc = lines.step(c.strides);
    float* out = values_[t].data.data();
    lines.visit(std::array{&a.strides, &b.strides, &c.strides}, [&](const std::array<std::int64_t, 3>& at) {
      const float *x = a.data.data() + at[0], *y = b.data.data() + at[1], *z = c.data.data() + at[2];
      for (std::int64_t i = 0; i < n; ++i) *out++ = canonical(function(x[i * sa], y[i * sb], z[i * sc]));
    });
  }

  void uniform(const Term& term, std::size_t t) {
    const auto all = (std::uint32_t{1} << v_.extents.size()) - 1;
    const Values& step = argument(t, 0);
    const std::vector<std::int64_t> index = dense(formula_.space, all);
    std::int64_t origin = 0;
    for (std::size_t axis = 0; axis < index.size(); ++axis) origin += v_.origin[axis] * index[axis];
    const Lines lines(v_.extents, all);
    const std::int64_t ss = lines.step(step.strides), si = lines.step(index);
    float* out = values_[t].data.data();
    lines.visit(std::array{&step.strides, &index}, [&](const std::array<std::int64_t, 2>& at) {
      for (std::int64_t i = 0; i < lines.length(); ++i) {
        const auto number =
            static_cast<std::uint32_t>(static_cast<std::int64_t>(step.data[static_cast<std::size_t>(at[0] + i * ss)]));
        *out++ = numerics::uniform(static_cast<std::uint32_t>(term.value), number,
                                   static_cast<std::uint32_t>(origin + at[1] + i * si));
      }
    });
  }

  void reduce(const Term& term, std::size_t t) {
    const Values& a = argument(t, 0);
    Values& out = values_[t];
    const bool sum = term.function == Function::row_sum;
    if (sum && !sums_by_tree(formula_)) return chains(a, t);
    const Lines rows(v_.extents, axes_[t]), along(v_.extents, reduced_);
    const std::int64_t sr = rows.step(a.strides), se = along.step(a.strides);
    std::vector<float> row(points(v_.extents, reduced_));
    const int width = static_cast<int>(std::min<std::size_t>(row.size(), static_cast<std::size_t>(lanes_)));
    float* to = out.data.data();
    rows.visit(std::array{&a.strides}, [&](const std::array<std::int64_t, 1>& first) {
      for (std::int64_t r = 0; r < rows.length(); ++r) {
        const float* base = a.data.data() + first[0] + r * sr;
        float* end = row.data();
        along.visit(std::array{&a.strides}, [&](const std::array<std::int64_t, 1>& at) {
          for (std::int64_t i = 0; i < along.length(); ++i) *end++ = base[at[0] + i * se];
        });
        if (sum) {
          *to++ = numerics::lane_sum(row, width);  // lanes beyond a short row add nothing
        } else {
          float largest = row[0];
          for (const float x : row) largest = x > largest || x != x ? x : largest;
          *to++ = canonical(largest);
        }
      }
    });
  }

  /// Every row by one lane, in order from +0.
  void chains(const Values& a, std::size_t t) {
    Values& out = values_[t];
    std::fill(out.data.begin(), out.data.end(), 0.0f);
    const Lines rows(v_.extents, axes_[t]), along(v_.extents, reduced_);
    const std::int64_t se = along.step(a.strides), sr = rows.step(a.strides);
    along.visit(std::array{&a.strides}, [&](const std::array<std::int64_t, 1>& line) {
      for (std::int64_t i = 0; i < along.length(); ++i) {
        float* to = out.data.data();
        rows.visit(std::array{&a.strides}, [&](const std::array<std::int64_t, 1>& at) {
          const float* from = a.data.data() + line[0] + i * se + at[0];
          for (std::int64_t r = 0; r < rows.length(); ++r) to[r] += from[r * sr];
          to += rows.length();
        });
      }
    });
    for (float& value : out.data) value = canonical(value);
  }

  BoxResult result(std::size_t i) const {
    const Values& value = values_[static_cast<std::size_t>(formula_.results[i].term)];
    const Vector::Result& target = v_.results[i];
    BoxResult made{target.place, v_.extents, {}};
    const std::uint32_t axes = varying(target.place.strides);
    const Lines lines(v_.extents, axes);
    const std::int64_t step = lines.step(value.strides);
    made.values.reserve(points(v_.extents, axes));
    lines.visit(std::array{&value.strides}, [&](const std::array<std::int64_t, 1>& at) {
      const float* from = value.data.data() + at[0];
      for (std::int64_t k = 0; k < lines.length(); ++k) made.values.push_back(from[k * step]);
    });
    if (target.mode != Vector::Mode::write) {
      const std::vector<float> before = read_box(vmem_, target.place, v_.extents);
      for (std::size_t k = 0; k < before.size(); ++k) {
        float& x = made.values[k];
        const float old = before[k];
        x = canonical(target.mode == Vector::Mode::add ? old + x : x > old || x != x ? x : old);
      }
    }
    return made;
  }

  const Vector& v_;
  const Formula& formula_;
  int lanes_;
  const kit::Scratchpad& vmem_;
  std::vector<std::uint32_t> axes_;
  std::uint32_t reduced_ = 0;
  std::vector<Values> values_;
};

}  // namespace

std::vector<BoxResult> evaluate(const Vector& instruction, int lanes, const kit::Scratchpad& vmem) {
  return Evaluation(instruction, lanes, vmem).run();
}

}  // namespace triad::tpu
