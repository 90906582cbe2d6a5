#include <algorithm>
#include <array>
#include <vector>

#include "models/gpu/compiler/passes.hpp"

namespace triad::gpu::compiler {
namespace {

/// Everything that an instruction can write and read: registers, then predicates.
constexpr std::size_t places = 256 + 8;
constexpr int read_barrier = 5;    // of every memory access
constexpr int write_barriers = 5;  // SB0 .. SB4
/// A free barrier is taken rather than to make another instruction wait longer than this.
constexpr int tolerated_delay_cycles = 4;

template <class F>
void for_each_read(const Instruction& i, F&& f) {
  const auto registers = [&](std::uint8_t first, int count) {
    if (first == register_zero) return;
    for (int part = 0; part < count; ++part) f(static_cast<std::size_t>(first + part));
  };
  if (uses(i.op, field_a)) registers(i.a, a_registers(i));
  if (uses(i.op, field_b) && i.b_source == Source::reg) registers(static_cast<std::uint8_t>(i.b), 1);
  if (uses(i.op, field_c)) registers(i.c, c_registers(i));
  for (const PredicateSource& p : {i.p, i.q, i.guard})
    if (p.index != predicate_true) f(256u + p.index);
}
template <class F>
void for_each_write(const Instruction& i, F&& f) {
  if (uses(i.op, field_d) && i.d != register_zero)
    for (int part = 0; part < d_registers(i); ++part) f(static_cast<std::size_t>(i.d + part));
  if (uses(i.op, field_pd) && i.pd != predicate_true) f(256u + i.pd);
}

bool has_variable_latency(const Instruction& i) {
  return info(i.op).pipe == Pipe::sfu || info(i.op).pipe == Pipe::memory;
}

/// The edges between straight pieces of code.
struct Pieces {
  struct Piece {
    std::size_t begin, end;  ///< instructions [begin, end)
    std::vector<std::size_t> successors, predecessors;
  };
  std::vector<Piece> list;

  explicit Pieces(const std::vector<Instruction>& code) {
    std::vector<bool> leads(code.size() + 1, false);
    leads[0] = true;
    for (std::size_t n = 0; n < code.size(); ++n) {
      if (code[n].op == Opcode::bra) leads[code[n].b] = leads[n + 1] = true;
      if (code[n].op == Opcode::exit) leads[n + 1] = true;
    }
    std::vector<std::size_t> piece_of(code.size() + 1, 0);
    for (std::size_t n = 0; n < code.size(); ++n) {
      if (leads[n]) list.push_back({n, n, {}, {}});
      piece_of[n] = list.size() - 1;
      list.back().end = n + 1;
    }
    for (std::size_t p = 0; p < list.size(); ++p) {
      const Instruction& last = code[list[p].end - 1];
      const bool always = last.guard == PredicateSource{};
      if (last.op == Opcode::bra) list[p].successors.push_back(piece_of[last.b]);
      if ((last.op != Opcode::bra && last.op != Opcode::exit) || !always)
        if (list[p].end < code.size()) list[p].successors.push_back(p + 1);
      for (const std::size_t s : list[p].successors) list[s].predecessors.push_back(p);
    }
  }
};

/// The first instruction from `begin` on that reads or writes what the instruction at `writer` writes; `end` if none
/// does.
std::size_t first_use(const std::vector<Instruction>& code, std::size_t writer, std::size_t end) {
  std::array<bool, places> written{};
  for_each_write(code[writer], [&](std::size_t place) { written[place] = true; });
  for (std::size_t n = writer + 1; n < end; ++n) {
    bool found = false;
    for_each_read(code[n], [&](std::size_t place) { found = found || written[place]; });
    for_each_write(code[n], [&](std::size_t place) { found = found || written[place]; });
    if (found) return n;
  }
  return end;
}

/// Gives every instruction of variable latency its barriers. A wait is for everything that shares the barrier: a result
/// joins those that it delays, and that delay it, least, as if an instruction issued every cycle.
void assign_barriers(std::vector<Instruction>& code, const Pieces& pieces) {
  struct Group {
    std::size_t wait = 0;     ///< where the barrier is first waited for
    std::size_t arrival = 0;  ///< when the result that is waited for there comes
    std::size_t latest = 0;   ///< when the last result of the group comes
  };
  const auto excess = [](std::size_t a, std::size_t b) { return a > b ? a - b : 0; };
  for (const Pieces::Piece& piece : pieces.list) {
    std::array<Group, write_barriers> groups{};
    for (std::size_t n = piece.begin; n < piece.end; ++n) {
      Instruction& i = code[n];
      if (!has_variable_latency(i)) continue;
      if (is_memory(i.op)) i.control.read_barrier = read_barrier;
      if (is_store(i.op)) continue;
      const std::size_t use = first_use(code, n, piece.end);
      const std::size_t arrival = n + static_cast<std::size_t>(expected_latency(i));
      const auto delay = [&](const Group& group) -> std::size_t {
        if (group.wait <= n) return tolerated_delay_cycles;  // free
        return std::max(excess(arrival, std::max(group.wait, group.arrival)),
                        excess(group.latest, std::max(use, arrival)));
      };
      const auto best = std::min_element(groups.begin(), groups.end(),
                                         [&](const Group& a, const Group& b) { return delay(a) < delay(b); });
      if (best->wait <= n) *best = {use, arrival, arrival};
      if (use < best->wait) best->wait = use, best->arrival = arrival;
      best->latest = std::max(best->latest, arrival);
      i.control.write_barrier = static_cast<std::uint8_t>(best - groups.begin());
    }
  }
}

/// Sets wait masks: nothing touches a place that a barrier still guards. What is pending flows along the edges until
/// nothing changes; waits only ever grow.
void wait_for_barriers(std::vector<Instruction>& code, const Pieces& pieces) {
  struct State {
    std::array<std::uint8_t, places> written{}, read{};  ///< barriers that guard a write to (a read of) the place
    bool merge(const State& other) {
      bool changed = false;
      for (std::size_t i = 0; i < places; ++i) {
        const auto w = static_cast<std::uint8_t>(written[i] | other.written[i]);
        const auto r = static_cast<std::uint8_t>(read[i] | other.read[i]);
        changed = changed || w != written[i] || r != read[i];
        written[i] = w;
        read[i] = r;
      }
      return changed;
    }
  };
  std::vector<State> in(pieces.list.size());
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t p = 0; p < pieces.list.size(); ++p) {
      State state = in[p];
      for (std::size_t n = pieces.list[p].begin; n < pieces.list[p].end; ++n) {
        Instruction& i = code[n];
        unsigned wait = i.control.wait_mask;
        for_each_read(i, [&](std::size_t place) { wait |= state.written[place]; });
        for_each_write(i, [&](std::size_t place) { wait |= state.written[place] | state.read[place]; });
        changed = changed || wait != i.control.wait_mask;
        i.control.wait_mask = static_cast<std::uint8_t>(wait);
        for (std::size_t place = 0; place < places; ++place) {
          state.written[place] = static_cast<std::uint8_t>(state.written[place] & ~wait);
          state.read[place] = static_cast<std::uint8_t>(state.read[place] & ~wait);
        }
        if (i.control.write_barrier != no_barrier)
          for_each_write(i, [&](std::size_t place) {
            state.written[place] = static_cast<std::uint8_t>(state.written[place] | 1u << i.control.write_barrier);
          });
        if (i.control.read_barrier != no_barrier)
          for_each_read(i, [&](std::size_t place) {
            state.read[place] = static_cast<std::uint8_t>(state.read[place] | 1u << i.control.read_barrier);
          });
      }
      for (const std::size_t s : pieces.list[p].successors) changed = in[s].merge(state) || changed;
    }
  }
}

/// Raises stalls until every result of fixed latency is there when it is read, on every path, and until a later write
/// comes later. A stall that the first instruction of a piece needs is charged to those of its predecessors that need
/// it.
void stall_for_latencies(std::vector<Instruction>& code, const Pieces& pieces) {
  using Remaining = std::array<std::int8_t, places>;  ///< cycles until the place may be read, from the next issue on
  const auto pass = [](Remaining& remaining, int cycles) {
    for (std::int8_t& r : remaining) r = static_cast<std::int8_t>(std::max(0, r - cycles));
  };
  const auto needed = [](const Instruction& i, const Remaining& remaining) {
    const int latency = info(i.op).latency_cycles;
    int need = 0;
    for_each_read(i, [&](std::size_t place) { need = std::max<int>(need, remaining[place]); });
    for_each_write(i, [&](std::size_t place) {
      if (remaining[place] >= latency) need = std::max(need, remaining[place] - std::max(latency - 1, 0));
    });
    return need;
  };
  std::vector<Remaining> out(pieces.list.size(), Remaining{});
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t p = 0; p < pieces.list.size(); ++p) {
      const Pieces::Piece& piece = pieces.list[p];
      Remaining remaining{};
      for (const std::size_t before : piece.predecessors) {
        if (const int need = needed(code[piece.begin], out[before]); need > 0) {
          code[pieces.list[before].end - 1].control.stall += static_cast<std::uint8_t>(need);
          pass(out[before], need);
          changed = true;
        }
        for (std::size_t place = 0; place < places; ++place)
          remaining[place] = std::max(remaining[place], out[before][place]);
      }
      for (std::size_t n = piece.begin; n < piece.end; ++n) {
        Instruction& i = code[n];
        if (const int need = needed(i, remaining); need > 0) {  // not at the piece's begin: that was paid for above
          code[n - 1].control.stall += static_cast<std::uint8_t>(need);
          pass(remaining, need);
        }
        const int latency = info(i.op).latency_cycles;
        if (latency > 0)
          for_each_write(i, [&](std::size_t place) { remaining[place] = static_cast<std::int8_t>(latency); });
        pass(remaining, i.control.stall);
      }
      changed = changed || remaining != out[p];
      out[p] = remaining;
    }
  }
}

/// Marks register operands that the next instruction reads again in the same position.
void mark_reuse(std::vector<Instruction>& code, const Pieces& pieces) {
  const auto arithmetic = [](const Instruction& i) {
    return info(i.op).pipe == Pipe::fp32 || info(i.op).pipe == Pipe::integer;
  };
  for (const Pieces::Piece& piece : pieces.list)
    for (std::size_t n = piece.begin; n + 1 < piece.end; ++n) {
      Instruction& i = code[n];
      const Instruction& next = code[n + 1];
      if (!arithmetic(i) || !arithmetic(next)) continue;
      const auto same = [&](std::uint32_t field, std::uint32_t a, std::uint32_t b) {
        bool overwritten = false;
        for_each_write(i, [&](std::size_t place) { overwritten = overwritten || place == a; });
        return uses(i.op, field) && uses(next.op, field) && a == b && a != register_zero && !overwritten;
      };
      unsigned reuse = same(field_a, i.a, next.a) ? 1u : 0u;
      if (i.b_source == Source::reg && next.b_source == Source::reg && same(field_b, i.b, next.b)) reuse |= 2u;
      if (same(field_c, i.c, next.c)) reuse |= 4u;
      i.control.reuse = static_cast<std::uint8_t>(reuse);
    }
}

}  // namespace

void set_control_bits(std::vector<Instruction>& code) {
  const Pieces pieces(code);
  assign_barriers(code, pieces);
  wait_for_barriers(code, pieces);
  stall_for_latencies(code, pieces);
  mark_reuse(code, pieces);
}

}  // namespace triad::gpu::compiler
