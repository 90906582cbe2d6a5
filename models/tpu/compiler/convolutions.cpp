#include <algorithm>

#include "models/tpu/compiler/lower.hpp"

namespace triad::tpu {

using graph::OpKind;
using graph::Shape;
using graph::TensorId;

namespace {

using Number = std::int64_t;

std::uint64_t whole(Number n) {
  return static_cast<std::uint64_t>(n);
}

Number halved(Number n) {
  return (n + 1) / 2;
}

/// One spatial axis of a convolution in which output o and tap t meet the source element s for which
/// o * step + t * tap + base = s * spacing; elsewhere lies padding. conv2d: step = stride, tap = dilation, base =
/// -padding, spacing 1. Its gradient to the input: step 1, tap = -dilation, base = padding, spacing = stride.
struct Axis {
  Number source, output, taps;  ///< extents
  Number step, tap, base, spacing;

  /// Places that outputs [begin, begin + count) see, counted in units of the left-hand side.
  Number first(Number begin) const { return begin * step + base + std::min<Number>(0, (taps - 1) * tap); }
  /// All outputs together take the whole source, so that lines of it lie side by side in device memory.
  Number extent(Number count) const {
    const Number seen = (count - 1) * step + (taps - 1) * std::abs(tap) + 1;
    return count == output && spacing == 1 ? std::max(seen, source - first(0)) : seen;
  }
  /// Of tap 0 in those places.
  Number origin() const { return -std::min<Number>(0, (taps - 1) * tap); }
  /// Source elements among them.
  std::pair<Number, Number> sources(Number begin, Number count) const {
    const Number from = first(begin), to = from + extent(count) - 1;
    const Number low = from <= 0 ? 0 : (from + spacing - 1) / spacing;
    const Number high = to < 0 ? -1 : std::min(to / spacing, source - 1);
    return {low, std::max<Number>(0, high - low + 1)};
  }
  /// Is every place of every output a source element, and nothing between?
  bool plain() const {
    return spacing == 1 && first(0) >= 0 && first(0) + (output - 1) * step + (taps - 1) * std::abs(tap) < source;
  }
};

/// Boxes of outputs: images, rows, columns.
struct Box {
  Number image, row, column, images, rows, columns;
  Number points() const { return images * rows * columns; }
};

/// What a convolution and its gradient to the input have in common: [images, channels, ...] in, windows of it out.
struct Windows {
  TensorId tensor;          ///< the source
  Number images, channels;  ///< of the tensor: all groups
  Axis rows, columns;

  Number taps() const { return rows.taps * columns.taps; }
  Number plane() const { return rows.source * columns.source; }
  bool plain() const { return rows.plain() && columns.plain(); }
  Number tile_elements(Number tile_channels, const Box& box) const {
    return tile_channels * box.images * rows.extent(box.rows) * columns.extent(box.columns);
  }
};

/// Tiles of a source in on-chip memory, with what windows need of padding, walked through by address generators.
class WindowTiles {
 public:
  WindowTiles(Emitter& emitter, const Windows& windows, Number elements)
      : emitter_(emitter), windows_(windows), resident_(emitter.resident(windows.tensor)) {
    if (resident_) return;
    for (std::uint64_t& slot : slots_) slot = emitter.reserve(whole(elements) * emitter.element_bytes(windows.tensor));
  }

  /// Row (channel, r, s), column (image, p, q): the element that the output at (p, q) meets at tap (r, s).
  Block fetch(Number channel, Number channels, const Box& box) {
    const auto size = static_cast<Number>(emitter_.element_bytes(windows_.tensor));
    const Axis &rows = windows_.rows, &columns = windows_.columns;
    Place place;
    Number row0, column0;  // of tap 0 of the first output, in the tile
    Pattern pattern;
    if (resident_) {
      const Region region{(box.image * windows_.channels + channel) * windows_.plane(),
                          {{channels, windows_.plane()},
                           {box.images, windows_.channels * windows_.plane()},
                           {rows.source, columns.source},
                           {columns.source, 1}}};
      place = emitter_.resident_place(windows_.tensor, region);
      row0 = box.row * rows.step + rows.base;
      column0 = box.column * columns.step + columns.base;
      pattern.begin = place.address;
      pattern.bytes = whole(size);
      for (std::size_t i = 0; i < 4; ++i) pattern.bytes += whole((region.axes[i].extent - 1) * place.strides[i]);
    } else {
      const std::uint64_t address = load(channel, channels, box);
      const Number height = rows.extent(box.rows), width = columns.extent(box.columns);
      place = Place{address,
                    {box.images * height * width * size, height * width * size, width * size, size},
                    emitter_.tensor(windows_.tensor).format};
      row0 = rows.origin();
      column0 = columns.origin();
      pattern.begin = address;
      pattern.bytes = whole(channels * box.images * height * width * size);
    }
    const auto& strides = place.strides;
    pattern.rows = {{whole(channels), strides[0]},
                    {whole(rows.taps), rows.tap * strides[2]},
                    {whole(columns.taps), columns.tap * strides[3]}};
    pattern.columns = {{whole(box.images), strides[1]},
                       {whole(box.rows), rows.step * strides[2]},
                       {whole(box.columns), columns.step * strides[3]}};
    return {place.address + whole(row0 * strides[2] + column0 * strides[3]),
            whole(channels * windows_.taps()),
            whole(box.points()),
            0,
            place.format,
            std::make_shared<const Pattern>(std::move(pattern))};
  }

 private:
  std::uint64_t load(Number channel, Number channels, const Box& box) {
    const auto size = static_cast<Number>(emitter_.element_bytes(windows_.tensor));
    const Axis &rows = windows_.rows, &columns = windows_.columns;
    const std::vector<Number> key = {channel, channels, box.image,  box.images,
                                     box.row, box.rows, box.column, box.columns};
    for (int i = 0; i < buffers; ++i) {
      if (keys_[i] == key) return slots_[i];
    }
    const std::uint64_t address = slots_[next_];
    keys_[next_] = key;
    next_ = (next_ + 1) % buffers;
    const Number height = rows.extent(box.rows), width = columns.extent(box.columns);
    const auto [row, row_count] = rows.sources(box.row, box.rows);
    const auto [column, column_count] = columns.sources(box.column, box.columns);
    const std::uint64_t bytes = whole(channels * box.images * height * width * size);
    const bool dense = row_count == height && column_count == width;
    Region region{((box.image * windows_.channels + channel) * rows.source + row) * columns.source + column,
                  {{channels, windows_.plane()},
                   {box.images, windows_.channels * windows_.plane()},
                   {row_count, columns.source},
                   {column_count, 1}}};
    Place place{address + whole(((row * rows.spacing - rows.first(box.row)) * width + column * columns.spacing -
                                 columns.first(box.column)) *
                                size),
                {box.images * height * width * size, height * width * size, rows.spacing * width * size,
                 columns.spacing * size},
                emitter_.tensor(windows_.tensor).format};
    if (row_count == 0 || column_count == 0) {  // nothing but padding
      const Region zeros{0, {{channels * box.images * height * width, 1}}};
      emit_fill(emitter_, zeros.packed(address, place.format), zeros.extents(), 0);
    } else {
      emitter_.load(windows_.tensor, region, place, dense ? 0 : address, dense ? 0 : bytes);
    }
    return address;
  }

  Emitter& emitter_;
  const Windows& windows_;
  bool resident_;
  std::uint64_t slots_[buffers] = {};
  std::vector<Number> keys_[buffers];
  int next_ = 0;
};

/// A region as a block: its first `row_axes` axes number the rows.
Block block_of(const Place& place, const Region& region, std::size_t row_axes) {
  Block block{place.address, 1, 1, 0, place.format};
  auto pattern = std::make_shared<Pattern>();
  for (std::size_t axis = 0; axis < region.axes.size(); ++axis) {
    const bool row = axis < row_axes;
    (row ? block.rows : block.columns) *= whole(region.axes[axis].extent);
    (row ? pattern->rows : pattern->columns).push_back({whole(region.axes[axis].extent), place.strides[axis]});
  }
  // Plain rows at a pitch, if columns are side by side.
  Number run = numerics::bytes_of(place.format);
  bool plain = row_axes == 1;
  for (std::size_t axis = region.axes.size(); axis-- > row_axes;) {
    if (region.axes[axis].extent == 1) continue;
    plain = plain && place.strides[axis] == run;
    run *= region.axes[axis].extent;
  }
  if (plain) {
    block.pitch = whole(place.strides[0]);
  } else {
    block.pattern = std::move(pattern);
  }
  return block;
}

struct Lowering {
  Emitter& emitter;
  const graph::Op& op;
  Number groups;
  Shape x, w, y;  ///< shapes of the convolution, whichever of them the op makes

  Lowering(Emitter& e, const graph::Op& o) : emitter(e), op(o), groups(o.integer("groups")) {
    const auto shape = [&](TensorId id) { return emitter.tensor(id).shape; };
    x = op.kind == OpKind::conv2d_dgrad ? shape(op.outputs[0]) : shape(op.inputs[0]);
    w = op.kind == OpKind::conv2d_wgrad ? op.integers("shape") : shape(op.inputs[1]);
    y = op.kind == OpKind::conv2d ? shape(op.outputs[0]) : shape(op.inputs[op.kind == OpKind::conv2d_wgrad ? 1 : 0]);
  }

  Axis axis(std::size_t i, bool gradient) const {
    const Number stride = op.integers("stride")[i], padding = op.integers("padding")[i],
                 dilation = op.integers("dilation")[i];
    if (gradient) return {y[2 + i], x[2 + i], w[2 + i], 1, -dilation, padding, stride};
    return {x[2 + i], y[2 + i], w[2 + i], stride, dilation, -padding, 1};
  }
  Windows windows() const {
    const bool gradient = op.kind == OpKind::conv2d_dgrad;
    return {op.inputs[0], x[0], gradient ? y[1] : x[1], axis(0, gradient), axis(1, gradient)};
  }
  Number array_rows() const { return emitter.parameters().mxu.rows; }
  /// Columns that give every matrix unit a block.
  Number array_columns() const { return Number{emitter.parameters().mxu.columns} * emitter.parameters().mxu.count; }

  void products();
  void weights();
};

/// conv2d and conv2d_dgrad: the kernels' rows [m, (k, r, s)] move, the windows [(k, r, s), (n, p, q)] stand.
void Lowering::products() {
  const bool gradient = op.kind == OpKind::conv2d_dgrad;
  const Windows source = windows();
  const Number taps = source.taps(), m = (gradient ? x[1] : y[1]) / groups, k = source.channels / groups;
  const Number kernel_rows = w[1] * taps;  // elements of one kernel
  const TensorId kernels = op.inputs[1], made = op.outputs[0];
  const Number height = source.rows.output, width = source.columns.output;

  Number tm = m, tk = std::min(k, std::max<Number>(1, 4 * array_rows() / taps));
  Box tile{0, 0, 0, x[0], height, width};
  const auto bytes = [&] {
    const std::uint64_t windows_bytes =
        emitter.resident(source.tensor)
            ? 0
            : buffers * aligned(whole(source.tile_elements(tk, tile)) * emitter.element_bytes(source.tensor));
    return windows_bytes + Input::staging(emitter, kernels, whole(tm * tk * taps)) +
           Output::staging(emitter, made, whole(tm * tile.points()));
  };
  while (bytes() > emitter.staging_bytes()) {
    Number* side = tile.images > 1                                               ? &tile.images
                   : tile.rows > 1 && tile.rows * tile.columns > array_columns() ? &tile.rows
                   : tm > array_rows()                                           ? &tm
                   : tk > 1                                                      ? &tk
                   : tile.rows > 1                                               ? &tile.rows
                   : tile.columns > 1                                            ? &tile.columns
                                                                                 : &tm;
    if (*side == 1) break;  // Emitter::reserve says so
    *side = halved(*side);
  }
  WindowTiles tiles(emitter, source, source.tile_elements(tk, tile));
  Input moving(emitter, kernels, whole(tm * tk * taps));
  Output output(emitter, made, whole(tm * tile.points()));
  if (emitter.planning()) return;

  const Number all = m * groups;
  for (Number group = 0; group < groups; ++group) {
    for_boxes(
        {x[0], height, width, m}, {tile.images, tile.rows, tile.columns, tm}, [&](const Shape& at, const Shape& size) {
          const Box box{at[0], at[1], at[2], size[0], size[1], size[2]};
          const Region result{
              ((box.image * all + group * m + at[3]) * height + box.row) * width + box.column,
              {{size[3], height * width}, {box.images, all * height * width}, {box.rows, width}, {box.columns, 1}}};
          const Block to = block_of(output.open(result), result, 1);
          for (Number k0 = 0; k0 < k; k0 += tk) {
            const Number depth = std::min(tk, k - k0);
            // Kernel o of channel c: of the convolution row o, column c; of the gradient the other way round.
            const Number first = gradient ? (group * k + k0) * kernel_rows + at[3] * taps
                                          : (group * m + at[3]) * kernel_rows + k0 * taps;
            const Region rows{
                first, {{size[3], gradient ? taps : kernel_rows}, {depth, gradient ? kernel_rows : taps}, {taps, 1}}};
            const Block left = block_of(moving.fetch(rows), rows, 1);
            emit_product(emitter, left, tiles.fetch(group * k + k0, depth, box), to, k0 > 0);
          }
          output.close();
        });
  }
}

/// conv2d_wgrad: the windows' rows [(c, r, s), (n, p, q)] move, dy [(n, p, q), o] stands, turned by the transpose unit;
/// so is the result.
void Lowering::weights() {
  const Windows source = windows();
  const Number taps = source.taps(), m = w[0] / groups, k = w[1], height = y[2], width = y[3];
  const TensorId dy = op.inputs[1], made = op.outputs[0];
  const std::uint64_t size = emitter.element_bytes(dy);

  Number tm = m, tk = k;
  Box tile{0, 0, 0, x[0], height, width};
  const auto bytes = [&] {
    const std::uint64_t windows_bytes =
        emitter.resident(source.tensor)
            ? 0
            : buffers * aligned(whole(source.tile_elements(tk, tile)) * emitter.element_bytes(source.tensor));
    return windows_bytes + Input::staging(emitter, dy, whole(tm * tile.points())) +
           buffers * (aligned(whole(tm * tile.points()) * size) + aligned(whole(tm * tk * taps) * 4)) +
           Output::staging(emitter, made, whole(tm * tk * taps));
  };
  const Number depth = 4 * array_rows();
  while (bytes() > emitter.staging_bytes() || tile.points() > 2 * depth) {
    const bool fits = bytes() <= emitter.staging_bytes();
    Number* side = tile.images > 1                                     ? &tile.images
                   : tile.rows > 1 && tile.rows * tile.columns > depth ? &tile.rows
                   : fits                                              ? nullptr
                   : tk > 1 && tk * taps > array_rows()                ? &tk
                   : tm > array_columns()                              ? &tm
                   : tile.rows > 1                                     ? &tile.rows
                   : tile.columns > 1                                  ? &tile.columns
                   : tk > 1                                            ? &tk
                                                                       : &tm;
    if (side == nullptr || *side == 1) break;  // Emitter::reserve says so
    *side = halved(*side);
  }
  WindowTiles tiles(emitter, source, source.tile_elements(tk, tile));
  Input standing(emitter, dy, whole(tm * tile.points()));
  std::uint64_t turned[buffers], sums[buffers];
  for (std::uint64_t& slot : turned) slot = emitter.reserve(whole(tm * tile.points()) * size);
  for (std::uint64_t& slot : sums) slot = emitter.reserve(whole(tm * tk * taps) * 4);
  Output output(emitter, made, whole(tm * tk * taps));
  if (emitter.planning()) return;

  int next_turned = 0, next_sum = 0;
  for (Number group = 0; group < groups; ++group) {
    for_boxes({k, m}, {tk, tm}, [&](const Shape& at, const Shape& extents) {
      const Number channels = extents[0], kernels = extents[1];
      const Block sum{sums[next_sum], whole(channels * taps), whole(kernels), whole(kernels) * 4, Format::fp32};
      next_sum = (next_sum + 1) % buffers;
      bool first = true;
      for_boxes({x[0], height, width}, {tile.images, tile.rows, tile.columns}, [&](const Shape& from, const Shape& n) {
        const Box box{from[0], from[1], from[2], n[0], n[1], n[2]};
        const Region region{
            ((box.image * w[0] + group * m + at[1]) * height + box.row) * width + box.column,
            {{kernels, height * width}, {box.images, w[0] * height * width}, {box.rows, width}, {box.columns, 1}}};
        const Block right{turned[next_turned], whole(box.points()), whole(kernels), whole(kernels) * size,
                          emitter.tensor(dy).format};
        next_turned = (next_turned + 1) % buffers;
        emitter.emit(emitter.parameters().transpose_unit(),
                     Transpose{block_of(standing.fetch(region), region, 1), right});
        emit_product(emitter, tiles.fetch(group * k + at[0], channels, box), right, sum, !first);
        first = false;
      });
      const Region result = matrix_region(0, whole(k * taps), whole(group * m + at[1]), whole(at[0] * taps),
                                          whole(kernels), whole(channels * taps));
      const Block to = matrix_block(output.open(result), whole(kernels), whole(channels * taps));
      emitter.emit(emitter.parameters().transpose_unit(), Transpose{sum, to});
      output.close();
    });
  }
}

}  // namespace

void lower_convolution(Emitter& emitter, const graph::Op& op) {
  Lowering lowering(emitter, op);
  if (op.kind == OpKind::conv2d_wgrad) return lowering.weights();
  lowering.products();
}

bool needs_padding(const graph::Graph& graph, const graph::Op& op) {
  for (std::size_t i = 0; i < 2; ++i) {
    if (op.integers("padding")[i] != 0) return true;
    if (op.kind == OpKind::conv2d_dgrad) {
      const Shape& kernels = graph.tensor(op.inputs[1]).shape;
      if (op.integers("stride")[i] != 1 || kernels[2 + i] != 1) return true;
    }
  }
  return false;
}

}  // namespace triad::tpu
