#include "models/gpu/sm/hazards.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace triad::gpu {
namespace {

constexpr Cycle never = ~Cycle{0};

std::string from(Cycle cycle) {
  return cycle == never ? "its load has not returned" : fmt::format("it is there from cycle {} on", cycle);
}

}  // namespace

void Hazards::start(int registers) {
  registers_.assign(static_cast<std::size_t>(registers), {});
  predicates_.fill({});
}

std::string Hazards::check(const Decoded& d, std::uint32_t guarded, std::uint32_t active, Cycle now) const {
  const Instruction& i = d.instruction;
  const auto early = [&](const Value& value, std::uint32_t lanes) {
    return value.valid > now && (value.lanes & lanes) != 0;
  };
  const auto uses = [&](std::uint32_t field) { return (info(i.op).fields & field) != 0; };
  std::string wrong;
  const auto predicate = [&](std::uint8_t index, std::uint32_t lanes) {
    if (index == predicate_true || !early(predicates_[index], lanes) || !wrong.empty()) return;
    wrong = fmt::format("reads P{}, but {}", index, from(predicates_[index].valid));
  };
  const auto source = [&](int first, int count) {
    for (int r = first; r < first + count; ++r) {
      const Value& value = registers_[static_cast<std::size_t>(r)];
      if (wrong.empty() && early(value, guarded)) wrong = fmt::format("reads R{}, but {}", r, from(value.valid));
    }
  };
  predicate(i.guard.index, active);
  if (uses(field_p)) predicate(i.p.index, guarded);
  if (uses(field_q)) predicate(i.q.index, guarded);
  source(i.a, d.a_count);
  if (d.reads_b) source(static_cast<int>(i.b), 1);
  source(i.c, d.c_count);
  if (!wrong.empty()) return wrong;

  // A write of fixed latency is done at now + latency - 1; one of variable latency at the earliest in the next cycle.
  const Cycle written = now + std::max<Cycle>(1, d.latency_cycles);
  for (int r = i.d; r < i.d + d.d_count; ++r) {
    const Value& value = registers_[static_cast<std::size_t>(r)];
    if (value.valid >= written && (value.lanes & guarded) != 0) {
      return fmt::format("writes R{} before an earlier write of it is done: {}", r, from(value.valid));
    }
    if (value.read > now) {
      return value.read == never ? fmt::format("writes R{}, which an earlier instruction has not read yet", r)
                                 : fmt::format("writes R{}, which is read until cycle {}", r, value.read);
    }
  }
  if (d.writes_predicate && predicates_[i.pd].valid >= written && (predicates_[i.pd].lanes & guarded) != 0) {
    return fmt::format("writes P{} before an earlier write of it is done", i.pd);
  }
  return {};
}

void Hazards::issued(const Decoded& d, std::uint32_t lanes, Cycle valid, Cycle read) {
  const Instruction& i = d.instruction;
  const auto write = [&](Value& value) {
    const bool pending = value.valid > valid && value.valid != never;
    value.lanes = pending ? value.lanes | lanes : lanes;
    value.valid = std::max(valid, pending ? value.valid : 0);
  };
  if (lanes != 0) {
    for (int r = i.d; r < i.d + d.d_count; ++r) write(registers_[static_cast<std::size_t>(r)]);
    if (d.writes_predicate) write(predicates_[i.pd]);
  }
  if (read == 0) return;
  const auto hold = [&](int first, int count) {
    for (int r = first; r < first + count; ++r) registers_[static_cast<std::size_t>(r)].read = read;
  };
  hold(i.a, d.a_count);
  if (d.reads_b) hold(static_cast<int>(i.b), 1);
  hold(i.c, d.c_count);
}

void Hazards::arrived(int first, int count, Cycle valid) {
  for (int r = first; r < first + count; ++r) registers_[static_cast<std::size_t>(r)].valid = valid;
}

void Hazards::sources_read(int first, int count, Cycle read) {
  for (int r = first; r < first + count; ++r) registers_[static_cast<std::size_t>(r)].read = read;
}

}  // namespace triad::gpu
