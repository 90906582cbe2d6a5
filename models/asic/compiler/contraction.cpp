#include <algorithm>
#include <set>

#include "models/asic/compiler/builder.hpp"

namespace triad::asic {

using graph::OpKind;
using graph::Shape;
using isa::Matrix;
using isa::Role;

namespace {

/// A contraction as the engine walks it.
struct Product {
  std::int64_t batches = 1, rows = 1, columns = 1, depth = 1;
  Matrix a, b;
  std::vector<isa::Axis> result;  ///< row-major
};

/// `vectors` vectors of `channels` channels, so many elements apart.
Matrix plain(std::int64_t vectors, std::int64_t vector_stride, std::int64_t channels, std::int64_t channel_stride,
             std::int64_t batch_stride) {
  Matrix m;
  m.v_extent = {1, 1, vectors};
  m.v_stride = {0, 0, vector_stride};
  m.k_extent = {1, 1, channels};
  m.k_stride = {0, 0, channel_stride};
  m.batch_stride = batch_stride;
  return m;
}

Product matmul(const Builder& b, const graph::Op& op) {
  const Shape &left = b.tensor(op.inputs[0]).shape, &right = b.tensor(op.inputs[1]).shape;
  const bool ta = op.flag("transpose_a"), tb = op.flag("transpose_b");
  const std::size_t rank = left.size();
  Product p;
  for (std::size_t axis = 0; axis + 2 < rank; ++axis) p.batches *= left[axis];
  p.rows = left[rank - (ta ? 1 : 2)];
  p.depth = left[rank - (ta ? 2 : 1)];
  p.columns = right[rank - (tb ? 2 : 1)];
  p.a = plain(p.rows, ta ? 1 : p.depth, p.depth, ta ? p.rows : 1, p.rows * p.depth);
  p.b = plain(p.columns, tb ? p.depth : 1, p.depth, tb ? 1 : p.columns, p.columns * p.depth);
  p.result = {{p.batches, false, Role::batch}, {p.rows, false, Role::row}, {p.columns, false, Role::column}};
  return p;
}

/// The three products of a convolution; every one a product of matrices whose image operand is addressed window by
/// window, one product per group.
class Convolution {
 public:
  Convolution(const Builder& b, const graph::Op& op) {
    const auto shape = [&](std::size_t i) { return b.tensor(op.inputs[i]).shape; };
    const Shape x = op.kind == OpKind::conv2d_dgrad ? op.integers("shape") : shape(0);
    const Shape w = op.kind == OpKind::conv2d_wgrad ? op.integers("shape") : shape(1);
    stride_ = op.integers("stride"), padding_ = op.integers("padding"), dilation_ = op.integers("dilation");
    groups_ = op.integer("groups");
    n_ = x[0], c_ = x[1], h_ = x[2], width_ = x[3];
    o_ = w[0], r_ = w[2], s_ = w[3];
    if (op.kind == OpKind::conv2d) {
      const auto extent = [&](std::size_t axis, std::int64_t in, std::int64_t kernel) {
        return (in + 2 * padding_[axis] - dilation_[axis] * (kernel - 1) - 1) / stride_[axis] + 1;
      };
      p_ = extent(0, h_, r_), q_ = extent(1, width_, s_);
    } else {
      const Shape dy = shape(op.kind == OpKind::conv2d_dgrad ? 0 : 1);
      p_ = dy[2], q_ = dy[3];
    }
    cg_ = c_ / groups_, og_ = o_ / groups_;
  }

  Product forward() const {
    Product p{groups_, n_ * p_ * q_, og_, cg_ * r_ * s_, {}, {}, image(og_, p_ * q_)};
    p.a = windows({n_, p_, q_}, c_ * h_ * width_, {cg_, r_, s_}, h_ * width_, width_, cg_ * h_ * width_);
    for (std::size_t i = 0; i < 2; ++i) {
      p.a.guard[i] = {stride_[i], dilation_[i], -padding_[i], 1, i == 0 ? h_ : width_};
    }
    p.b = plain(og_, cg_ * r_ * s_, cg_ * r_ * s_, 1, og_ * cg_ * r_ * s_);
    return p;
  }
  /// dx[n, c, y, x] = sum over o, r, s of dy[n, o, (y + padding - r dilation) / stride, ...] w[o, c, r, s], where that
  /// divides.
  Product data_gradient() const {
    Product p{groups_, n_ * h_ * width_, cg_, og_ * r_ * s_, {}, {}, image(cg_, h_ * width_)};
    p.a = windows({n_, h_, width_}, o_ * p_ * q_, {og_, r_, s_}, p_ * q_, q_, og_ * p_ * q_);
    for (std::size_t i = 0; i < 2; ++i) {
      p.a.guard[i] = {1, -dilation_[i], padding_[i], stride_[i], i == 0 ? p_ : q_};
    }
    p.b = plain(cg_, r_ * s_, og_, cg_ * r_ * s_, og_ * cg_ * r_ * s_);
    if (r_ * s_ > 1) {
      p.b.k_extent = {og_, 1, r_ * s_};
      p.b.k_stride = {cg_ * r_ * s_, 0, 1};
    }
    return p;
  }
  Product weight_gradient() const {
    Product p{groups_, og_, cg_ * r_ * s_, n_ * p_ * q_, {}, {}, {}};
    p.a = plain(og_, p_ * q_, n_ * p_ * q_, 1, og_ * p_ * q_);
    p.a.k_extent = {n_, 1, p_ * q_};
    p.a.k_stride = {o_ * p_ * q_, 0, 1};
    p.b = windows({cg_, r_, s_}, h_ * width_, {n_, p_, q_}, c_ * h_ * width_, width_, cg_ * h_ * width_);
    for (std::size_t i = 0; i < 2; ++i) {
      p.b.guard[i] = {dilation_[i], stride_[i], -padding_[i], 1, i == 0 ? h_ : width_};
    }
    p.result = {{groups_, false, Role::batch}, {og_, false, Role::row}, {cg_ * r_ * s_, false, Role::column}};
    return p;
  }

 private:
  static Matrix windows(std::array<std::int64_t, 3> vectors, std::int64_t vector_stride,
                        std::array<std::int64_t, 3> channels, std::int64_t channel_stride, std::int64_t row,
                        std::int64_t batch_stride) {
    Matrix m;
    m.v_extent = vectors;
    m.v_stride = {vector_stride, row, 1};
    m.k_extent = channels;
    m.k_stride = {channel_stride, 0, 0};
    m.batch_stride = batch_stride;
    m.guarded = true;
    return m;
  }
  std::vector<isa::Axis> image(std::int64_t channels, std::int64_t pixels) const {
    return {{n_, false, Role::row},
            {groups_, false, Role::batch},
            {channels, false, Role::column},
            {pixels, false, Role::row}};
  }
  std::vector<std::int64_t> stride_, padding_, dilation_;
  std::int64_t groups_, n_, c_, h_, width_, o_, r_, s_, p_ = 1, q_ = 1, cg_, og_;
};

Product product_of(const Builder& b, const graph::Op& op) {
  switch (op.kind) {
    case OpKind::matmul:
      return matmul(b, op);
    case OpKind::conv2d:
      return Convolution(b, op).forward();
    case OpKind::conv2d_dgrad:
      return Convolution(b, op).data_gradient();
    case OpKind::conv2d_wgrad:
      return Convolution(b, op).weight_gradient();
    default:
      b.unsupported(op, "this machine has no engine for it");
  }
}

/// The epilogue over axes so fine that each is part of one of the product's: its own axes and those of the result cut
/// one another.
graph::Formula refined(const Builder& b, const graph::Op& op, const graph::Formula& formula,
                       std::vector<isa::Axis>& axes) {
  std::set<std::int64_t> ends = {1};
  const auto collect = [&](const auto& extent_of, std::size_t count) {
    std::int64_t inner = 1;
    for (std::size_t i = count; i-- > 0;) ends.insert(inner *= extent_of(i));
    return inner;
  };
  const std::int64_t points = collect([&](std::size_t i) { return axes[i].extent; }, axes.size());
  const std::int64_t same = collect([&](std::size_t i) { return formula.space[i]; }, formula.space.size());
  const std::vector<std::int64_t> cuts(ends.rbegin(), ends.rend());  // outermost first
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
    if (points != same || cuts[i] % cuts[i + 1] != 0) {
      b.unsupported(op, "an epilogue over " + graph::to_string(formula.space) + ", which the result's axes do not fit");
    }
  }
  graph::Formula result = formula;
  result.space.clear();
  result.reduced.clear();
  std::vector<isa::Axis> fine;
  for (auto& strides : result.strides) strides.clear();
  const auto holder = [](const auto& extent_of, std::size_t count, std::int64_t inner) {
    std::int64_t below = 1;  // elements within the axis that holds steps of `inner`
    for (std::size_t i = count; i-- > 0; below *= extent_of(i)) {
      if (inner < below * extent_of(i)) return std::pair{i, inner / below};
    }
    return std::pair{std::size_t{0}, std::int64_t{0}};
  };
  std::vector<int> place(formula.space.size(), -1);
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
    const auto [own, times] =
        holder([&](std::size_t j) { return formula.space[j]; }, formula.space.size(), cuts[i + 1]);
    const auto [other, unused] = holder([&](std::size_t j) { return axes[j].extent; }, axes.size(), cuts[i + 1]);
    (void)unused;
    place[own] = place[own] < 0 ? static_cast<int>(fine.size()) : -2;
    fine.push_back({cuts[i] / cuts[i + 1], false, axes[other].role});
    result.space.push_back(fine.back().extent);
    result.reduced.push_back(false);
    for (std::size_t o = 0; o < result.strides.size(); ++o) {
      result.strides[o].push_back(formula.strides[o][own] * times);
    }
  }
  if (fine.empty()) {  // a single point
    fine = {{1, false, Role::column}};
    result.space = {1};
    result.reduced = {false};
    for (auto& strides : result.strides) strides = {0};
  }
  for (graph::Term& term : result.terms) {
    if (term.function != graph::Function::coordinate) continue;
    const int at = place[static_cast<std::size_t>(term.arguments[0])];
    if (at < 0) b.unsupported(op, "an epilogue with a coordinate along an axis that the product cuts");
    term.arguments[0] = at;
  }
  axes = fine;
  return result;
}

/// The result as it is.
graph::Formula identity(const std::vector<isa::Axis>& axes) {
  graph::Formula f;
  std::vector<std::int64_t> strides(axes.size());
  std::int64_t stride = 1;
  for (std::size_t i = axes.size(); i-- > 0; stride *= axes[i].extent) strides[i] = stride;
  for (const isa::Axis& axis : axes) f.space.push_back(axis.extent);
  f.reduced.assign(axes.size(), false);
  f.strides = {strides};
  f.terms = {{graph::Function::operand, {0, -1, -1}, 0}};
  f.results = {{0, false}};
  return f;
}

/// Of the operand's elements, how many lie in memory.
double share(const Product& p, const Matrix& m, bool rows) {
  if (!m.guarded) return 1;
  const std::int64_t plain = m.v_extent[0] * m.k_extent[0];
  const double image = static_cast<double>(plain * m.guard[0].extent * m.guard[1].extent);
  return std::min(1.0, image / static_cast<double>((rows ? p.rows : p.columns) * p.depth));
}

/// Elements from channel to channel where vectors lie side by side.
std::int64_t pitch(const Matrix& m) {
  return !m.guarded && m.v_stride[2] == 1 && m.k_extent[2] > 1 && m.k_stride[2] != 1 ? m.k_stride[2] : 0;
}

}  // namespace

void lower_contraction(Builder& b, int index) {
  const graph::Op& op = b.graph.ops[static_cast<std::size_t>(index)];
  const numerics::Format format = b.tensor(op.inputs[0]).format;
  if (format != numerics::Format::fp32 && format != numerics::Format::bf16) {
    b.unsupported(op, "the MAC array multiplies bf16 or fp32 in three bf16 parts, not " + numerics::to_string(format));
  }
  Product p = product_of(b, op);
  isa::Descriptor layer;
  layer.engine = isa::Engine::gemm;
  isa::Gemm& g = layer.gemm;
  g.storage = b.storage(op, op.inputs[0]);
  g.parts = format == numerics::Format::fp32 ? 3 : 1;
  // An operand that is multiplied by itself has one address twice.
  p.a.address = b.program->map.address(op.inputs[0]);
  p.b.address = b.program->map.address(op.inputs[1]);
  if (op.kind == OpKind::conv2d_wgrad) std::swap(p.a.address, p.b.address);  // its inputs are (x, dy)
  const int bytes = isa::bytes_of(g.storage);
  const Tiling& t = b.tiling({p.rows, p.columns, p.depth, g.parts, bytes, share(p, p.a, true), share(p, p.b, false),
                              pitch(p.a) * bytes, pitch(p.b) * bytes});
  g.batches = p.batches, g.rows = p.rows, g.columns = p.columns, g.depth = p.depth;
  g.tile_rows = t.rows, g.tile_columns = t.columns, g.tile_depth = t.depth;
  g.columns_outer = t.columns_outer;
  g.a_bank = 0, g.a_banks = t.row_banks;
  g.b_bank = 2 * t.row_banks, g.b_banks = t.column_banks;
  g.a = p.a, g.b = p.b;
  b.emit(layer, index, {op.inputs[0], op.inputs[1]}, {});

  isa::Descriptor out;
  out.engine = isa::Engine::pointwise;
  out.flying = true;
  out.gemm = g;
  std::vector<isa::Axis> axes = p.result;
  const graph::Formula formula = refined(b, op, op.formula ? *op.formula : identity(axes), axes);
  std::vector<graph::TensorId> operands = {-1}, reads(op.inputs.begin() + 2, op.inputs.end());
  operands.insert(operands.end(), reads.begin(), reads.end());
  put_formula(b, op, formula, operands, op.outputs, out);
  out.axes = axes;
  // What flies is said by the product alone; the rest of its description stays with the GEMM engine.
  isa::Gemm shape;
  shape.batches = g.batches, shape.rows = g.rows, shape.columns = g.columns;
  shape.tile_rows = g.tile_rows, shape.tile_columns = g.tile_columns, shape.columns_outer = g.columns_outer;
  out.gemm = shape;
  b.emit(out, index, reads, op.outputs, 1);
}

}  // namespace triad::asic
