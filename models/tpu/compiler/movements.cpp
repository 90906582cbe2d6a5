#include "sim/graph/movement.hpp"

#include <algorithm>

#include "models/tpu/compiler/lower.hpp"
#include "sim/graph/formula.hpp"

namespace triad::tpu {

using graph::Formula;
using graph::Function;
using graph::Shape;
using graph::TensorId;

namespace {

/// One operand, or a constant, to one result.
std::shared_ptr<const Formula> move_formula(const Shape& space, std::optional<double> value) {
  auto formula = std::make_shared<Formula>();
  formula->space = space;
  formula->reduced.assign(space.size(), false);
  if (value) {
    formula->terms.push_back({Function::constant, {-1, -1, -1}, *value});
  } else {
    formula->strides.emplace_back(space.size(), 1);
    formula->terms.push_back({Function::operand, {0, -1, -1}});
  }
  formula->results.push_back({0, false});
  return formula;
}

}  // namespace

void emit_fill(Emitter& emitter, const Place& place, const Shape& extents, double value) {
  emitter.emit(emitter.parameters().vector_unit(),
               Vector{move_formula(extents, value), Shape(extents.size(), 0), extents, {}, {{place}}});
}

namespace {

/// The output holds `value` everywhere.
void fill(Emitter& emitter, const graph::Op& op, double value) {
  const std::int64_t elements = graph::elements(emitter.tensor(op.outputs[0]).shape);
  Shape tile = {elements};
  while (Output::staging(emitter, op.outputs[0], static_cast<std::uint64_t>(tile[0])) > emitter.staging_bytes() / 2 &&
         tile[0] > 1) {
    tile[0] = (tile[0] + 1) / 2;
  }
  Output output(emitter, op.outputs[0], static_cast<std::uint64_t>(tile[0]));
  if (emitter.planning()) return;
  for_boxes({elements}, tile, [&](const Shape& origin, const Shape& extents) {
    const Place place = output.open({origin[0], {{extents[0], 1}}});
    emit_fill(emitter, place, extents, value);
    output.close();
  });
  emitter.begin_part();  // copies come on top
}

/// One copy of a movement.
class CopyLowering {
 public:
  CopyLowering(Emitter& emitter, const graph::Op& op, const graph::Copy& copy)
      : emitter_(emitter),
        copy_(copy),
        source_(op.inputs[static_cast<std::size_t>(copy.input)]),
        target_(op.outputs[0]),
        from_(axis_of_step_one(copy.source_strides)),
        to_(axis_of_step_one(copy.target_strides)) {
    // Elements that lie side by side in the source and rows apart in the target: through the transpose unit.
    turns_ = from_ != none && to_ != none && from_ != to_ && copy.extents[from_] > 1 && copy.extents[to_] > 1;
    source_resident_ = emitter.resident(source_);
    target_resident_ = emitter.resident(target_);
  }

  void lower() {
    tile_ = copy_.extents;
    // The outermost axes first; those that are turned last, in turns.
    for (std::size_t axis = 0; axis < tile_.size(); ++axis) {
      while (!(turns_ && (axis == from_ || axis == to_)) && tile_[axis] > 1 && bytes() > emitter_.staging_bytes()) {
        tile_[axis] = (tile_[axis] + 1) / 2;
      }
    }
    while (turns_ && bytes() > emitter_.staging_bytes() && tile_[from_] * tile_[to_] > 1) {
      std::int64_t& larger = tile_[from_] > tile_[to_] ? tile_[from_] : tile_[to_];
      larger = (larger + 1) / 2;
    }
    std::optional<Input> input;
    std::optional<Output> output;
    if (turns_ || (!source_resident_ && !target_resident_)) input.emplace(emitter_, source_, elements());
    if (turns_) output.emplace(emitter_, target_, elements());
    if (emitter_.planning()) return;
    if (target_resident_) emitter_.mark_on_chip(target_);
    for_boxes(copy_.extents, tile_, [&](const Shape& origin, const Shape& extents) {
      if (turns_) {
        turn(*input, *output, origin, extents);
      } else {
        move(input, origin, extents);
      }
    });
  }

 private:
  static constexpr std::size_t none = ~std::size_t{0};
  static std::size_t axis_of_step_one(const std::vector<std::int64_t>& strides) {
    const auto found = std::ranges::find(strides, 1);
    return found == strides.end() ? none : static_cast<std::size_t>(found - strides.begin());
  }
  std::uint64_t elements() const { return static_cast<std::uint64_t>(graph::elements(tile_)); }
  std::uint64_t bytes() const {
    if (!turns_) {
      return source_resident_ || target_resident_ ? 0 : Input::staging(emitter_, source_, elements());
    }
    return Input::staging(emitter_, source_, elements()) + Output::staging(emitter_, target_, elements());
  }
  Region region(std::int64_t offset, const std::vector<std::int64_t>& strides, const Shape& origin,
                const Shape& extents) const {
    Region result{offset, {}};
    for (std::size_t axis = 0; axis < strides.size(); ++axis) {
      result.offset += origin[axis] * strides[axis];
      result.axes.push_back({extents[axis], strides[axis]});
    }
    return result;
  }

  void move(std::optional<Input>& input, const Shape& origin, const Shape& extents) {
    const Region from = region(copy_.source_offset, copy_.source_strides, origin, extents);
    const Region to = region(copy_.target_offset, copy_.target_strides, origin, extents);
    if (!source_resident_ && !target_resident_) return emitter_.store(target_, to, input->fetch(from));
    if (!target_resident_) return emitter_.store(target_, to, emitter_.resident_place(source_, from));
    const Place place = emitter_.resident_place(target_, to);
    if (source_resident_) {
      Vector v{move_formula(extents, std::nullopt),
               Shape(extents.size(), 0),
               extents,
               {emitter_.resident_place(source_, from)},
               {{place}}};
      auto formula = std::make_shared<Formula>(*v.formula);
      for (std::size_t axis = 0; axis < extents.size(); ++axis) {
        formula->strides[0][axis] = from.axes[axis].stride == 0 ? 0 : 1;
      }
      v.formula = std::move(formula);
      emitter_.emit(emitter_.parameters().vector_unit(), std::move(v));
    } else {
      emitter_.load(source_, from, place);
    }
    if (emitter_.leaves_chip(target_)) emitter_.store(target_, to, place);
  }

  /// Loads with the source's side-by-side elements as rows, turns each matrix, stores rows of the target.
  void turn(Input& input, Output& output, const Shape& origin, const Shape& extents) {
    const auto ordered = [&](const Region& plain, std::size_t row, std::size_t column) {
      Region result{plain.offset, {}};
      for (std::size_t axis = 0; axis < plain.axes.size(); ++axis) {
        if (axis != row && axis != column) result.axes.push_back(plain.axes[axis]);
      }
      result.axes.push_back(plain.axes[row]);
      result.axes.push_back(plain.axes[column]);
      return result;
    };
    const Region from = ordered(region(copy_.source_offset, copy_.source_strides, origin, extents), to_, from_);
    const Region to = ordered(region(copy_.target_offset, copy_.target_strides, origin, extents), from_, to_);
    const Place source = input.fetch(from), target = output.open(to);
    const auto rows = static_cast<std::uint64_t>(extents[to_]), columns = static_cast<std::uint64_t>(extents[from_]);
    const std::size_t outer = from.axes.size() - 2;
    Shape counts, ones(outer, 1);
    for (std::size_t axis = 0; axis < outer; ++axis) counts.push_back(from.axes[axis].extent);
    for_boxes(counts, ones, [&](const Shape& index, const Shape&) {
      Block a{source.address, rows, columns, static_cast<std::uint64_t>(source.strides[outer]), source.format};
      Block b{target.address, columns, rows, static_cast<std::uint64_t>(target.strides[outer]), target.format};
      for (std::size_t axis = 0; axis < outer; ++axis) {
        a.address += static_cast<std::uint64_t>(index[axis] * source.strides[axis]);
        b.address += static_cast<std::uint64_t>(index[axis] * target.strides[axis]);
      }
      emitter_.emit(emitter_.parameters().transpose_unit(), Transpose{a, b});
    });
    output.close();
  }

  Emitter& emitter_;
  const graph::Copy& copy_;
  TensorId source_, target_;
  std::size_t from_, to_;  ///< axis along which the elements lie side by side, in source and target
  bool turns_ = false, source_resident_ = false, target_resident_ = false;
  Shape tile_;
};

}  // namespace

void lower_movement(Emitter& emitter, const graph::Op& op) {
  const graph::Movement movement = graph::movement(emitter.plan().graph, op);
  if (movement.fill) fill(emitter, op, *movement.fill);
  for (const graph::Copy& copy : movement.copies) {
    emitter.begin_buffers();
    CopyLowering(emitter, op, copy).lower();
  }
}

}  // namespace triad::tpu
