#include "models/gpu/generator/row_kernel.hpp"

#include <algorithm>
#include <bit>
#include <limits>

#include "models/gpu/generator/scalar.hpp"

/// The frame of a kernel: threads, rows, stages, reductions across threads and blocks.
namespace triad::gpu::generator {

using graph::Function;
using graph::Term;

RowKernel::RowKernel(const Request& request, const Plan& plan)
    : request_(request),
      formula_(request.formula),
      plan_(plan),
      stages_(formula_.stages()),
      per_row_(formula_.per_row()),
      dense_(formula_.space.size(), 1) {
  for (std::size_t axis = dense_.size(); axis-- > 1;) dense_[axis - 1] = dense_[axis] * formula_.space[axis];
}

std::string RowKernel::whole() {
  for (const auto& result : formula_.results) need(result.term, 0);
  begin(true);
  if (plan_.held) hold_positions();
  for (int stage = 1; stage <= plan_.stages; ++stage) {
    prepare(stage - 1);
    reduce(stage);
  }
  prepare(plan_.stages);
  deliver();
  return finish();
}

std::string RowKernel::partial(int stage) {
  const int count = static_cast<int>(formula_.terms.size());
  for (int t = 0; t < count; ++t) {
    if (is_reduction(t) && stages_[static_cast<std::size_t>(t)] == stage) need(t, stage - 1);
  }
  begin(true);
  for (int done = 1; done < stage; ++done) combine(done);
  prepare(stage - 1);
  reduce(stage);
  return finish();
}

std::string RowKernel::last() {
  bool by_point = false;
  for (const auto& result : formula_.results) {
    need(result.term, plan_.stages);
    by_point |= !result.per_row;
  }
  begin(by_point);
  for (int done = 1; done <= plan_.stages; ++done) combine(done);
  prepare(plan_.stages);
  deliver();
  return finish();
}

RowKernel::Scope RowKernel::make_scope(Name position) const {
  Scope scope;
  scope.position = std::move(position);
  scope.values.resize(formula_.terms.size());
  scope.predicates.resize(formula_.terms.size());
  return scope;
}

bool RowKernel::is_reduction(int term) const {
  const Function f = formula_.terms[static_cast<std::size_t>(term)].function;
  return f == Function::row_sum || f == Function::row_maximum;
}

/// Marks what the term is made of, down to the reductions of stages that are done.
void RowKernel::need(int term, int done) {
  if (!needed_.insert(term).second) return;
  if (is_reduction(term) && stages_[static_cast<std::size_t>(term)] <= done) return;
  const Term& t = formula_.terms[static_cast<std::size_t>(term)];
  for (int i = 0; i < graph::arity(t.function); ++i) need(t.arguments[static_cast<std::size_t>(i)], done);
}

std::vector<int> RowKernel::reductions_of(int stage) const {
  std::vector<int> result;
  for (const int t : needed_) {
    if (is_reduction(t) && stages_[static_cast<std::size_t>(t)] == stage) result.push_back(t);
  }
  return result;
}

/// Thread and row. A row beyond the last one is the last one again, computed and not stored; where no thread waits for
/// another it leaves at once.
void RowKernel::begin(bool with_positions) {
  const Name thread = w_.word("mov.u32", "%tid.x");
  const auto shift = std::countr_zero(static_cast<unsigned>(plan_.lanes));
  Name row_lane = thread;
  if (plan_.lanes > 1) {
    const std::int64_t rows = plan_.block_rows;
    const auto row_shift = std::int64_t{std::countr_zero(static_cast<unsigned>(rows))};
    if (plan_.inner) {
      lane_ = w_.word("and.b32", thread, literal(std::int64_t{plan_.lanes - 1}));
      row_lane = rows == 1 ? Name() : w_.word("shr.u32", thread, literal(std::int64_t{shift}));
    } else {
      lane_ = rows == 1 ? thread : w_.word("shr.u32", thread, literal(row_shift));
      row_lane = rows == 1 ? Name() : w_.word("and.b32", thread, literal(rows - 1));
    }
    self_ = w_.word("shl.b32", thread, "2");
    if (!row_lane.empty()) {
      root_ = w_.word("shl.b32", row_lane, literal(std::int64_t{2 + (plan_.inner ? shift : 0)}));
    }
  } else if (plan_.threads() == 1) {
    row_lane.clear();
  }
  Name row = row_lane;
  if (plan_.rows > plan_.block_rows) {
    row = w_.multiply_add(w_.word("mov.u32", "%ctaid.x"), plan_.block_rows, row_lane);
  }
  const bool some_beyond = plan_.rows % plan_.block_rows != 0;
  if (some_beyond && plan_.lanes == 1) {
    exit_ = w_.new_label();
    w_.line("@{} bra {}", w_.predicate("setp.ge.u32", row, literal(plan_.rows)), exit_);
  } else if (some_beyond) {
    row_valid_ = w_.predicate("setp.lt.u32", row, literal(plan_.rows));
    row = w_.word("min.u32", row, literal(plan_.rows - 1));
  }
  row_ = make_scope(row);
  if (!with_positions) return;
  if (plan_.parts > 1) {
    part_ = w_.word("mov.u32", "%ctaid.y");
    first_position_ = w_.multiply_add(part_, plan_.chunk, lane_);
    end_ = w_.word("min.u32", w_.multiply_add(part_, plan_.chunk, literal(plan_.chunk)), literal(plan_.length));
  } else {
    first_position_ = lane_;
    end_ = literal(plan_.length);
  }
}

std::string RowKernel::finish() {
  if (!exit_.empty()) w_.label(exit_);
  const bool scratch = plan_.parts > 1;
  const auto pointers = request_.operands.size() + request_.results.size() + (scratch ? 1 : 0);
  return w_.kernel(kernel_name, static_cast<int>(pointers), shared_bytes_);
}

/// Values of the row that need the reductions of stages up to `done` only, before the next pass over the row.
void RowKernel::prepare(int done) {
  for (std::size_t number = 0; number < request_.operands.size(); ++number)
    row_address(number, request_.operands[number]);
  for (const int t : needed_) {
    const auto i = static_cast<std::size_t>(t);
    if (per_row_[i] && stages_[i] <= done && !is_reduction(t)) value(t, row_);
    if (formula_.terms[i].function == Function::uniform) offset(dense_, row_);
  }
}

/// The positions of a thread that holds its row in registers. Those beyond the end read the last element again.
void RowKernel::hold_positions() {
  const std::int64_t iterations = plan_.iterations();
  for (std::int64_t i = 0; i < iterations; ++i) {
    Name position = lane_.empty() ? (i == 0 ? Name() : w_.word("mov.u32", literal(i)))
                    : i == 0      ? lane_
                                  : w_.word("add.s32", lane_, literal(i * plan_.lanes));
    Name active;
    if ((i + 1) * plan_.lanes > plan_.length) {
      active = w_.predicate("setp.lt.u32", position, end_);
      position = w_.word("min.u32", position, literal(plan_.length - 1));
    }
    held_.push_back(make_scope(position));
    held_.back().active = active;
  }
}

float RowKernel::identity(Function function) {
  return function == Function::row_sum ? 0.0f : -std::numeric_limits<float>::infinity();
}

Name RowKernel::combined(int reduction, const Name& a, const Name& b) {
  const Function f = formula_.terms[static_cast<std::size_t>(reduction)].function;
  return w_.floating(f == Function::row_sum ? "add.rn.f32" : "max.NaN.f32", a, b);
}

void RowKernel::combine_into(int reduction, const Name& sum, const Name& value, const std::string& guard) {
  const Function f = formula_.terms[static_cast<std::size_t>(reduction)].function;
  w_.line("{}{} {}, {}, {}", guard, f == Function::row_sum ? "add.rn.f32" : "max.NaN.f32", sum, sum, value);
}

/// One pass over the thread's positions of the row, then across the threads that share it.
void RowKernel::reduce(int stage) {
  const std::vector<int> reductions = reductions_of(stage);
  std::vector<Name> sums;
  const auto argument = [&](int t) { return formula_.terms[static_cast<std::size_t>(t)].arguments[0]; };
  if (plan_.held) {
    for (const int t : reductions) {
      Name sum;
      for (Scope& scope : held_) {
        Name v = value(argument(t), scope);
        if (!scope.active.empty()) {
          const float rest = identity(formula_.terms[static_cast<std::size_t>(t)].function);
          v = w_.floating("selp.f32", v, literal(rest), scope.active);
        }
        sum = sum.empty() ? v : combined(t, sum, v);
      }
      sums.push_back(sum);
    }
  } else {
    for (const int t : reductions) {
      sums.push_back(w_.floating("mov.f32", literal(identity(formula_.terms[static_cast<std::size_t>(t)].function))));
    }
    loop([&](const std::vector<Scope*>& scopes) {
      // All loads first: they are under way together.
      std::vector<std::vector<Name>> values;
      for (const int t : reductions) {
        values.emplace_back();
        for (Scope* scope : scopes) values.back().push_back(value(argument(t), *scope));
      }
      for (std::size_t r = 0; r < reductions.size(); ++r) {
        for (const Name& v : values[r]) combine_into(reductions[r], sums[r], v, "");
      }
    });
  }
  const bool to_scratch = plan_.parts > 1;
  across_lanes(reductions, sums, !to_scratch);
  if (to_scratch) return store_partials(stage, reductions, sums);
  for (std::size_t r = 0; r < reductions.size(); ++r) row_.values[static_cast<std::size_t>(reductions[r])] = sums[r];
}

/// By halves in shared memory: lane i takes in lane i + half, for half = lanes / 2, ..., 1. The sums end in lane 0 of
/// the row, and `to_all` in every lane.
void RowKernel::across_lanes(const std::vector<int>& reductions, std::vector<Name>& sums, bool to_all) {
  if (plan_.lanes == 1 || reductions.empty()) return;
  const int array = plan_.threads() * 4, count = static_cast<int>(reductions.size());
  shared_bytes_ = std::max(shared_bytes_, count * array);
  const int step = 4 * (plan_.inner ? 1 : plan_.block_rows);
  if (shared_in_use_) w_.line("bar.sync 0");
  shared_in_use_ = true;
  const Name base = w_.word("mov.u32", "partial");
  const Name own = w_.word("add.s32", base, self_);
  for (int r = 0; r < count; ++r) {
    // The loop's register is copied: what follows writes new ones.
    sums[static_cast<std::size_t>(r)] = w_.floating("mov.f32", sums[static_cast<std::size_t>(r)]);
    w_.line("st.shared.f32 [{}+{}], {}", own, r * array, sums[static_cast<std::size_t>(r)]);
  }
  w_.line("bar.sync 0");
  for (int half = plan_.lanes / 2; half > 0; half /= 2) {
    const std::string guard = fmt::format("@{} ", w_.predicate("setp.lt.u32", lane_, literal(std::int64_t{half})));
    std::vector<Name> others;
    for (int r = 0; r < count; ++r) {
      others.push_back(w_.floating("mov.f32", literal(0.0f)));  // in the lanes without guard: so that it is new here
      w_.line("{}ld.shared.f32 {}, [{}+{}]", guard, others.back(), own, r * array + half * step);
    }
    for (int r = 0; r < count; ++r) {
      const Name& sum = sums[static_cast<std::size_t>(r)];
      combine_into(reductions[static_cast<std::size_t>(r)], sum, others[static_cast<std::size_t>(r)], guard);
      if (half > 1 || to_all) w_.line("{}st.shared.f32 [{}+{}], {}", guard, own, r * array, sum);
    }
    if (half > 1 || to_all) w_.line("bar.sync 0");
  }
  if (!to_all) return;
  const Name root = root_.empty() ? base : w_.word("add.s32", base, root_);
  for (int r = 0; r < count; ++r) {
    const Name all = w_.new_float();
    w_.line("ld.shared.f32 {}, [{}+{}]", all, root, r * array);
    sums[static_cast<std::size_t>(r)] = all;
  }
}

/// Scratch memory: by reduction (in the order of terms), row, part.
void RowKernel::store_partials(int stage, const std::vector<int>& reductions, const std::vector<Name>& sums) {
  int number = 0;
  for (int t = 0; t < static_cast<int>(formula_.terms.size()); ++t) {
    number += is_reduction(t) && stages_[static_cast<std::size_t>(t)] < stage ? 1 : 0;
  }
  Name first = plan_.lanes == 1 ? Name() : w_.predicate("setp.eq.s32", lane_, "0");
  const std::string guard = guard_of(first, row_valid_);
  const Name scratch = pointer(request_.operands.size() + request_.results.size());
  const Name place = w_.multiply_add(row_.position, plan_.parts, part_);
  for (std::size_t r = 0; r < reductions.size(); ++r, ++number) {
    const Name index = w_.word("add.s32", place, literal(number * plan_.rows * plan_.parts));
    w_.store(w_.address(scratch, index, 4), sums[r], numerics::Format::fp32, guard);
  }
}

/// The reductions of a stage from their parts: lane l takes parts l, l + lanes, ... in order, then the lanes by halves.
void RowKernel::combine(int stage) {
  std::vector<int> reductions;
  std::vector<Name> sums;
  const Name scratch = pointer(request_.operands.size() + request_.results.size());
  int number = 0;
  for (int s = 1; s <= stage; ++s) {
    for (int t = 0; t < static_cast<int>(formula_.terms.size()); ++t) {
      if (!is_reduction(t) || stages_[static_cast<std::size_t>(t)] != s) continue;
      const int own = number++;
      if (s != stage || !needed_.contains(t)) continue;
      const Name begin = w_.multiply_add(row_.position, plan_.parts, literal(own * plan_.rows * plan_.parts));
      Name sum;
      for (std::int64_t i = 0; i * plan_.lanes < plan_.parts; ++i) {
        Name part = w_.multiply_add(lane_, 1, literal(i * plan_.lanes));
        Name active;
        if ((i + 1) * plan_.lanes > plan_.parts) {
          active = w_.predicate("setp.lt.u32", part, literal(std::int64_t{plan_.parts}));
          part = w_.word("min.u32", part, literal(std::int64_t{plan_.parts - 1}));
        }
        const Name index = w_.word("add.s32", begin, part);
        Name v = w_.load(w_.address(scratch, index, 4), numerics::Format::fp32);
        if (!active.empty()) {
          const float rest = identity(formula_.terms[static_cast<std::size_t>(t)].function);
          v = w_.floating("selp.f32", v, literal(rest), active);
        }
        sum = sum.empty() ? v : combined(t, sum, v);
      }
      reductions.push_back(t);
      sums.push_back(sum);
    }
  }
  across_lanes(reductions, sums, true);
  for (std::size_t r = 0; r < reductions.size(); ++r) row_.values[static_cast<std::size_t>(reductions[r])] = sums[r];
  prepare(stage);
}

/// Over the thread's positions of its part: four at a time while there are four, then one by one.
void RowKernel::loop(const Body& body) {
  constexpr int unrolled = 4;
  const Name position = w_.word("mov.u32", first_position_.empty() ? literal(std::int64_t{0}) : first_position_);
  for (const int at_once : {unrolled, 1}) {
    if (at_once > plan_.iterations()) continue;
    const std::string again = w_.new_label(), done = w_.new_label();
    w_.label(again);
    std::vector<Name> positions = {position};
    for (int i = 1; i < at_once; ++i) {
      positions.push_back(w_.word("add.s32", position, literal(std::int64_t{i} * plan_.lanes)));
    }
    w_.line("@{} bra {}", w_.predicate("setp.ge.u32", positions.back(), end_), done);
    std::vector<Scope> scopes;
    std::vector<Scope*> pointers;
    for (const Name& p : positions) scopes.push_back(make_scope(p));
    for (Scope& scope : scopes) pointers.push_back(&scope);
    body(pointers);
    w_.line("add.s32 {}, {}, {}", position, position, at_once * plan_.lanes);
    w_.line("bra {}", again);
    w_.label(done);
  }
}

std::string RowKernel::guard_of(const Name& a, const Name& b) {
  if (a.empty() && b.empty()) return {};
  if (a.empty() || b.empty()) return fmt::format("@{} ", a.empty() ? b : a);
  return fmt::format("@{} ", w_.predicate("and.pred", a, b));
}

/// Stores the results: those of a row by its first lane.
void RowKernel::deliver() {
  std::vector<std::size_t> of_point, of_row;
  for (std::size_t i = 0; i < formula_.results.size(); ++i) {
    (formula_.results[i].per_row ? of_row : of_point).push_back(i);
    row_address(request_.operands.size() + i, request_.results[i]);
  }
  if (!of_row.empty()) {
    Name first = plan_.lanes == 1 ? Name() : w_.predicate("setp.eq.s32", lane_, "0");
    if (!part_.empty()) {
      const Name first_part = w_.predicate("setp.eq.s32", part_, "0");
      first = first.empty() ? first_part : w_.predicate("and.pred", first, first_part);
    }
    const std::string guard = guard_of(first, row_valid_);
    for (const std::size_t i : of_row) store(i, row_, guard);
  }
  if (of_point.empty()) return;
  if (plan_.held) {
    if (held_.empty()) hold_positions();
    for (Scope& scope : held_) {
      const std::string guard = guard_of(scope.active, row_valid_);
      for (const std::size_t i : of_point) store(i, scope, guard);
    }
    return;
  }
  loop([&](const std::vector<Scope*>& scopes) {
    const std::string guard = guard_of({}, row_valid_);
    for (const std::size_t i : of_point) {
      for (Scope* scope : scopes) value(formula_.results[i].term, *scope);
    }
    for (Scope* scope : scopes) {
      for (const std::size_t i : of_point) store(i, *scope, guard);
    }
  });
}

}  // namespace triad::gpu::generator
