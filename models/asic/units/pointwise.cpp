#include "models/asic/units/pointwise.hpp"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "models/asic/units/functions.hpp"
#include "models/asic/units/words.hpp"
#include "sim/device/device.hpp"
#include "sim/numerics/elementary.hpp"

namespace triad::asic {

using activity::State;
using isa::Field;
using isa::Function;
using isa::Operand;

namespace {

std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

bool is_loss(Function f) {
  return f == Function::mse || f == Function::cross_entropy;
}
bool is_reduction(Function f) {
  return f == Function::sum_rows || is_loss(f);
}
bool is_per_row(Function f) {
  return f == Function::cross_entropy || f == Function::cross_entropy_grad;
}
/// One sum over all elements.
bool is_total(const isa::Descriptor& d) {
  return d.function() == Function::mse || (d.function() == Function::sum_rows && d.operand() == Operand::scalar);
}

isa::Storage storage(const Layer& layer, Field field) {
  return static_cast<isa::Storage>(layer.get(field));
}

}  // namespace

PointWise::PointWise(const sc_core::sc_module_name& name, kit::Clock clock, const Parameters& parameters,
                     Scoreboard& scoreboard, MemoryInterface& memory, MacArray& array, activity::Recorder& recorder,
                     const activity::Technology& technology)
    : StreamEngine(name, clock, isa::Engine::pointwise, parameters, parameters.pointwise.pipeline_cycles, scoreboard,
                   memory),
      array_(array),
      x1_(recorder, "pointwise.x1", clock, activity::Resource::compute),
      x2_(recorder, "pointwise.x2", clock, activity::Resource::compute),
      y_(recorder, "pointwise.y", clock, activity::Resource::compute),
      add_action_(x1_.add_action("add_fp32", technology.picojoules("add_fp32"))),
      multiply_action_(x1_.add_action("multiply_fp32", technology.picojoules("multiply_fp32"))),
      compare_action_(x2_.add_action("compare", technology.picojoules("add_int32"))),
      special_action_(y_.add_action("special_fp32", technology.picojoules("special_fp32"))),
      stream_action_(x1_.add_action("stream_bytes", technology.sram_picojoules_per_byte(
                                                        static_cast<double>(parameters.pointwise.stream_bytes)))) {}

Cycle PointWise::beats(std::int64_t elements) const {
  return static_cast<Cycle>(ceil_div(elements, parameters_.pointwise.lanes));
}

void PointWise::deliver(Delivery delivery) {
  deliveries_.push_back(std::move(delivery));
  wake_at(cycle() + 1);
}

std::string PointWise::not_ready(const Layer& layer) const {
  if (!layer.descriptor.flag(Field::flying) || !deliveries_.empty()) return {};
  return fmt::format("layer {} (step {}) waits for a product in the delivery buffer", layer.index, layer.step);
}

void PointWise::check(const Layer& layer) const {
  const auto fault = [&](const std::string& what) {
    throw device::Fault(fmt::format("{}: layer {} (step {}): {}", name(), layer.index, layer.step, what));
  };
  const std::int64_t rows = layer.get(Field::rows), columns = layer.get(Field::columns);
  check_size(layer);
  if (layer.descriptor.flag(Field::flying)) {
    const Delivery& product = deliveries_.front();
    if (rows != product.rows || columns != product.columns) {
      fault(fmt::format("takes {} x {} results, the delivery buffer holds {} x {}", rows, columns, product.rows,
                        product.columns));
    }
  }
  const Function f = layer.descriptor.function();
  const bool held = layer.descriptor.operand() == Operand::columns || is_per_row(f) ||
                    (f == Function::sum_rows && !is_total(layer.descriptor));
  if (held && static_cast<std::uint64_t>(4 * columns) > parameters_.pointwise.operand_bytes) {
    fault(fmt::format("{} columns do not fit into the operand RAM", columns));
  }
}

Plan PointWise::plan(const Layer& layer) {
  check(layer);
  const isa::Descriptor& d = layer.descriptor;
  Plan plan;
  plan.window = std::max<std::size_t>(1, parameters_.pointwise.stream_bytes / parameters_.burst_bytes);
  if (d.operand() == Operand::columns || (d.operand() == Operand::scalar && d.function() != Function::sum_rows)) {
    const std::int64_t values = d.operand() == Operand::columns ? d.get(Field::columns) : 1;
    plan.preload = bursts(layer.b.address, 1, static_cast<std::uint64_t>(4 * values), 0, parameters_.burst_bytes, false,
                          layer.tag());
  }
  if (!is_reduction(d.function())) {
    plan.results.push_back({layer.out.address, layer.out.pitch, element_bytes(storage(layer, Field::storage_out))});
  }
  sums_.clear();
  loss_ = 0;
  if (d.function() == Function::sum_rows && !is_total(d))
    sums_.assign(static_cast<std::size_t>(d.get(Field::columns)), 0.0f);
  if (d.flag(Field::flying)) {
    plan_flying(layer, plan);
  } else if (is_per_row(d.function())) {
    plan_rows(layer, plan);
  } else {
    plan_matrix(layer, plan);
  }
  tail_ = plan.tail;
  return plan;
}

/// Column groups of the product, in the order in which the array finishes them.
void PointWise::plan_flying(const Layer& layer, Plan& plan) const {
  const std::int64_t columns = layer.get(Field::columns), group = parameters_.gemm.atomic_k;
  const Delivery& product = deliveries_.front();
  for (std::size_t g = 0; g < product.ready.size(); ++g) {
    const std::int64_t first = static_cast<std::int64_t>(g) * group, width = std::min(group, columns - first);
    for (Chunk chunk : cut(layer.get(Field::rows), width, static_cast<std::int64_t>(parameters_.burst_bytes / 4))) {
      const Cycle row = beats(chunk.columns);
      chunk.cycles = row * static_cast<Cycle>(chunk.rows);
      chunk.ready = product.ready[g] + static_cast<Cycle>(chunk.row);
      chunk.complete = chunk.ready + static_cast<Cycle>(chunk.rows - 1) + row;
      chunk.column += first;
      plan.chunks.push_back(chunk);
    }
  }
}

/// Softmax and its loss: whole rows. A row passes the lanes for its maximum, the differences and (gradient) the result,
/// the special-function lanes for the exponentials, and the adders for their sum, which ends in a tree over the lanes;
/// then one logarithm, or one division per element in the special-function lanes.
void PointWise::plan_rows(const Layer& layer, Plan& plan) const {
  const auto& p = parameters_.pointwise;
  const std::int64_t rows = layer.get(Field::rows), columns = layer.get(Field::columns);
  const bool gradient = layer.descriptor.function() == Function::cross_entropy_grad;
  const Cycle special = static_cast<Cycle>(ceil_div(columns, p.special_lanes));
  const Cycle tree = static_cast<Cycle>(std::bit_width(static_cast<unsigned>(p.lanes)) - 1);
  const Cycle sum = (beats(columns) + tree) * static_cast<Cycle>(p.accumulate_cycles);
  const Cycle row = 2 * beats(columns) + special + sum + (gradient ? special + beats(columns) : 1);
  plan.operands = {{layer.a.address, layer.a.pitch, element_bytes(storage(layer, Field::storage_in)), false},
                   {layer.b.address, layer.b.pitch, 4, true}};
  const auto burst = static_cast<std::int64_t>(parameters_.burst_bytes / 4);
  for (std::int64_t first = 0, group = std::max<std::int64_t>(1, burst / columns); first < rows; first += group) {
    const std::int64_t height = std::min(group, rows - first);
    plan.chunks.push_back({first, height, 0, columns, row * static_cast<Cycle>(height), 0, 0});
  }
}

void PointWise::plan_matrix(const Layer& layer, Plan& plan) const {
  const auto& p = parameters_.pointwise;
  const isa::Descriptor& d = layer.descriptor;
  const std::int64_t columns = d.get(Field::columns);
  if (d.function() != Function::repeat) {
    plan.operands.push_back({layer.a.address, layer.a.pitch, element_bytes(storage(layer, Field::storage_in))});
  }
  if (d.operand() == Operand::elements) plan.operands.push_back({layer.b.address, layer.b.pitch, 4});
  plan.chunks = cut(d.get(Field::rows), columns, static_cast<std::int64_t>(parameters_.burst_bytes / 4));
  const auto accumulate = static_cast<Cycle>(p.accumulate_cycles);
  for (Chunk& chunk : plan.chunks) {
    const Cycle row = beats(chunk.columns);
    if (is_total(d)) {
      chunk.cycles = row * accumulate;  // every beat adds to the sums of the lanes
    } else if (d.function() == Function::sum_rows && chunk.columns == columns) {
      chunk.cycles = std::max(row, accumulate) * static_cast<Cycle>(chunk.rows);  // the next row adds to the same sums
    } else {
      chunk.cycles = row * static_cast<Cycle>(chunk.rows);
    }
  }
  if (is_total(d)) plan.tail = static_cast<Cycle>(std::bit_width(static_cast<unsigned>(p.lanes)) - 1) * accumulate + 1;
}

void PointWise::preloaded(const Bytes& data) {
  vector_ = words_of(data, isa::Storage::fp32);
}

std::vector<Bytes> PointWise::compute(const Layer& layer, const Chunk& chunk, const std::vector<Bytes>& operands) {
  const isa::Descriptor& d = layer.descriptor;
  const Function function = d.function();
  const auto at = [](std::int64_t i) { return static_cast<std::size_t>(i); };
  std::vector<float> a, b;
  if (d.flag(Field::flying)) {
    const Delivery& product = deliveries_.front();
    for (std::int64_t r = chunk.row; r < chunk.row + chunk.rows; ++r) {
      const auto from = product.values.begin() + r * product.columns + chunk.column;
      a.insert(a.end(), from, from + chunk.columns);
    }
  } else if (function != Function::repeat) {
    a = words_of(operands[0], storage(layer, Field::storage_in));
  }
  if (d.operand() == Operand::elements) b = words_of(operands[1], isa::Storage::fp32);
  if (is_per_row(function)) {
    std::vector<float> out(function == Function::cross_entropy_grad ? a.size() : 0);
    for (std::int64_t r = 0; r < chunk.rows; ++r) {
      std::int32_t target;
      std::memcpy(&target, operands[1].data() + 4 * r, 4);
      if (target < 0 || target >= chunk.columns) {
        throw device::Fault(fmt::format("{}: layer {} (step {}): class {} of row {}, there are {}", name(), layer.index,
                                        layer.step, target, chunk.row + r, chunk.columns));
      }
      const std::span<const float> row(a.data() + r * chunk.columns, at(chunk.columns));
      if (function == Function::cross_entropy) {
        loss_ = numerics::canonical(loss_ + cross_entropy_row(row, target, parameters_.pointwise.lanes));
      } else {
        cross_entropy_grad_row(row, target, d.immediate(), parameters_.pointwise.lanes, out.data() + r * chunk.columns);
      }
    }
    if (function == Function::cross_entropy) return {};
    return {bytes_of(out, storage(layer, Field::storage_out))};
  }
  if (is_reduction(function)) {
    reduce(layer, chunk, a, b);
    return {};
  }
  std::vector<float> out(at(chunk.elements()));
  for (std::int64_t r = 0, i = 0; r < chunk.rows; ++r) {
    for (std::int64_t c = 0; c < chunk.columns; ++c, ++i) {
      const float right = d.operand() == Operand::elements  ? b[at(i)]
                          : d.operand() == Operand::columns ? vector_[at(chunk.column + c)]
                          : d.operand() == Operand::scalar  ? vector_[0]
                                                            : 0.0f;
      const float value = element(function, a.empty() ? 0.0f : a[at(i)], right, d.immediate());
      out[at(i)] = d.flag(Field::relu) && value <= 0 ? 0.0f : value;
    }
  }
  return {bytes_of(out, storage(layer, Field::storage_out))};
}

void PointWise::reduce(const Layer& layer, const Chunk& chunk, const std::vector<float>& a,
                       const std::vector<float>& b) {
  if (is_total(layer.descriptor)) {
    // The lanes' sums are numerics::lane_sum's: the order of the elements decides, not how they are cut into chunks.
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (layer.descriptor.function() == Function::mse) {
        const float difference = numerics::canonical(a[i] - b[i]);
        sums_.push_back(numerics::canonical(difference * difference));
      } else {
        sums_.push_back(a[i]);
      }
    }
    return;
  }
  for (std::int64_t r = 0, i = 0; r < chunk.rows; ++r) {
    for (std::int64_t c = 0; c < chunk.columns; ++c, ++i) {
      float& sum = sums_[static_cast<std::size_t>(chunk.column + c)];
      sum = numerics::canonical(sum + a[static_cast<std::size_t>(i)]);
    }
  }
}

std::vector<std::pair<memory::Request, Bytes>> PointWise::finish(const Layer& layer) {
  const isa::Descriptor& d = layer.descriptor;
  if (!is_reduction(d.function())) return {};
  std::vector<float> out = sums_;
  if (is_total(d)) out = {numerics::lane_sum(sums_, parameters_.pointwise.lanes)};
  if (d.function() == Function::cross_entropy) out = {loss_};
  if (is_loss(d.function())) out[0] = numerics::canonical(out[0] * d.immediate());
  const Bytes bytes = bytes_of(out, isa::Storage::fp32);
  std::vector<std::pair<memory::Request, Bytes>> writes;
  std::size_t place = 0;
  for (const memory::Request& request :
       bursts(layer.out.address, 1, bytes.size(), 0, parameters_.burst_bytes, true, layer.tag())) {
    const auto from = bytes.begin() + static_cast<std::ptrdiff_t>(place);
    writes.emplace_back(request, Bytes(from, from + static_cast<std::ptrdiff_t>(request.bytes())));
    place += request.bytes();
  }
  return writes;
}

void PointWise::taken(const Layer& layer, Cycle cycle) {
  x1_.state(State::drain, layer.tag(), cycle - tail_, cycle);
  if (!layer.descriptor.flag(Field::flying)) return;
  deliveries_.pop_front();
  array_.delivery_read(cycle + 1);
}

void PointWise::record(const Layer& layer, const Chunk& chunk, Cycle waited, Cycle begin, Cycle end) {
  const isa::Descriptor& d = layer.descriptor;
  const activity::Tag tag = layer.tag();
  x1_.state(d.flag(Field::flying) ? State::operands : State::memory, {}, waited, begin);
  x1_.state(State::busy, tag, begin, end);
  const auto n = static_cast<std::uint64_t>(chunk.elements());
  std::uint64_t adds = 0, multiplies = 0, specials = 0;
  switch (d.function()) {
    case Function::add:
    case Function::subtract:
    case Function::sum_rows:
      adds = n;
      break;
    case Function::multiply:
    case Function::scale:
      multiplies = n;
      break;
    case Function::mse_grad:
      adds = multiplies = n;
      break;
    case Function::mse:
      adds = 2 * n, multiplies = n;
      break;
    case Function::cross_entropy:  // maximum, difference, sum; exponentials and a logarithm per row
      adds = 3 * n, specials = n + static_cast<std::uint64_t>(chunk.rows);
      break;
    case Function::cross_entropy_grad:  // ... and the difference to the target; exponentials and divisions
      adds = 4 * n, multiplies = n, specials = 2 * n;
      break;
    default:
      break;
  }
  x1_.count(add_action_, adds, begin, end);
  x1_.count(multiply_action_, multiplies, begin, end);
  x1_.count(stream_action_, n * 4 * (d.operand() == Operand::elements ? 3 : 2), begin, end);
  if (is_per_row(d.function())) y_.state(State::busy, tag, begin, end);
  y_.count(special_action_, specials, begin, end);
  if (d.flag(Field::relu)) {
    x2_.state(State::busy, layer.tag2(), begin + 1, end + 1);
    x2_.count(compare_action_, n, begin + 1, end + 1);
  }
  x1_.work(adds + multiplies + specials + (d.flag(Field::relu) ? n : 0));
}

}  // namespace triad::asic
