#pragma once
#include <cstring>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "models/gpu/isa/encoding.hpp"
#include "models/gpu/isa/kernel.hpp"
#include "models/gpu/isa/semantics.hpp"

/// Executes a launch block after block, warp after warp: the semantics of the instruction set without any timing model.
/// It also checks the control bits on the path that each lane takes: nothing is read before it is ready, or overwritten
/// before it was read, on a machine where waiting for a barrier takes no time and what no barrier was waited for never
/// arrives.
namespace triad::gpu::test {

struct Memory {
  static constexpr std::uint64_t base = 0x7f0000010000;  ///< beyond 32 bits, so that upper halves matter
  std::vector<std::byte> bytes;
  std::uint64_t allocate(std::size_t count) {
    const std::uint64_t address = base + bytes.size();
    bytes.resize((bytes.size() + count + 255) / 256 * 256);
    return address;
  }
  template <class T>
  std::uint64_t put(const std::vector<T>& values) {
    const std::uint64_t address = allocate(values.size() * sizeof(T));
    std::memcpy(&bytes[address - base], values.data(), values.size() * sizeof(T));
    return address;
  }
  template <class T>
  std::vector<T> get(std::uint64_t address, std::size_t count) const {
    std::vector<T> values(count);
    std::memcpy(values.data(), &bytes[address - base], count * sizeof(T));
    return values;
  }
};

class BlockInterpreter {
 public:
  BlockInterpreter(const Kernel& kernel, const Launch& launch, Dimensions index, Memory& memory)
      : kernel_(kernel), launch_(launch), index_(index), memory_(memory) {
    shared_.resize(static_cast<std::size_t>(kernel.shared_bytes));
    const std::uint64_t threads = launch.block.count();
    warps_.resize((threads + warp_size - 1) / warp_size);
    for (std::size_t t = 0; t < threads; ++t) warps_[t / warp_size].alive |= 1u << (t % warp_size);
  }

  void run() {
    for (;;) {
      bool any_alive = false, any_ran = false, all_at_barrier = true;
      for (std::size_t w = 0; w < warps_.size(); ++w) {
        while (step(w)) any_ran = true;
        any_alive = any_alive || warps_[w].alive != 0;
        all_at_barrier = all_at_barrier && warps_[w].alive == warps_[w].at_barrier;
      }
      if (!any_alive) return;
      if (all_at_barrier)
        for (Warp& warp : warps_) warp.at_barrier = 0;
      else if (!any_ran)
        throw std::runtime_error(kernel_.name + ": deadlock");
    }
  }

 private:
  static constexpr std::size_t places = 264;
  struct Warp {
    std::uint32_t alive = 0, at_barrier = 0;
    std::array<std::uint32_t, warp_size> pc{};
    std::array<std::array<std::uint32_t, warp_size>, 256> registers{};
    std::array<std::uint32_t, 8> predicates{};
    std::array<std::uint32_t, convergence_registers> members{};  ///< Bn
    std::array<int, warp_size> waits_for = [] {
      std::array<int, warp_size> none;
      none.fill(-1);
      return none;
    }();
    // Control bits: by lane, in cycles of the lane's own clock.
    std::array<std::int64_t, warp_size> next_issue{};
    std::array<std::array<std::int64_t, places>, warp_size> ready{};
    std::array<std::array<std::uint8_t, places>, warp_size> unwritten{}, unread{};
  };

  [[noreturn]] void fail(std::uint32_t pc, const std::string& what) const {
    throw std::runtime_error(kernel_.name + " instruction " + std::to_string(pc) + " (" +
                             disassemble(kernel_.code[pc], true) + "): " + what);
  }

  template <class T>
  T& word_at(std::vector<std::byte>& bytes, std::uint64_t offset, std::uint32_t pc) {
    if (offset + sizeof(T) > bytes.size() || offset % sizeof(T) != 0) fail(pc, "bad address " + std::to_string(offset));
    return *reinterpret_cast<T*>(&bytes[offset]);
  }

  template <class F>
  static void places_read(const Instruction& i, F&& f) {
    const auto range = [&](std::uint32_t first, int count) {
      if (first != register_zero)
        for (int part = 0; part < count; ++part) f(first + static_cast<std::uint32_t>(part));
    };
    if (uses(i.op, field_a)) range(i.a, a_registers(i));
    if (uses(i.op, field_b) && i.b_source == Source::reg) range(i.b, 1);
    if (uses(i.op, field_c)) range(i.c, c_registers(i));
    for (const PredicateSource& p : {i.p, i.q, i.guard})
      if (p.index != predicate_true) f(256u + p.index);
  }
  template <class F>
  static void places_written(const Instruction& i, F&& f) {
    if (uses(i.op, field_d) && i.d != register_zero)
      for (int part = 0; part < d_registers(i); ++part) f(static_cast<std::uint32_t>(i.d + part));
    if (uses(i.op, field_pd) && i.pd != predicate_true) f(256u + i.pd);
  }

  void check_control_bits(Warp& w, std::uint32_t group, std::uint32_t pc) {
    const Instruction& i = kernel_.code[pc];
    for (int lane = 0; lane < warp_size; ++lane) {
      if (((group >> lane) & 1u) == 0) continue;
      const std::int64_t now = w.next_issue[lane];
      auto &unwritten = w.unwritten[lane], &unread = w.unread[lane];
      for (std::size_t place = 0; i.control.wait_mask != 0 && place < places; ++place) {
        unwritten[place] &= static_cast<std::uint8_t>(~i.control.wait_mask);
        unread[place] &= static_cast<std::uint8_t>(~i.control.wait_mask);
      }
      places_read(i, [&](std::uint32_t place) {
        if (w.ready[lane][place] > now) fail(pc, "reads place " + std::to_string(place) + " too early");
        if (unwritten[place] != 0) fail(pc, "reads place " + std::to_string(place) + " without waiting for it");
      });
      places_written(i, [&](std::uint32_t place) {
        if (unwritten[place] != 0 || unread[place] != 0)
          fail(pc, "overwrites place " + std::to_string(place) + " without waiting for it");
        const std::int64_t ready = now + info(i.op).latency_cycles;
        if (info(i.op).latency_cycles > 0 && w.ready[lane][place] >= ready) fail(pc, "is overtaken by an older write");
        w.ready[lane][place] = ready;
      });
      if (i.control.write_barrier != no_barrier)
        places_written(
            i, [&](std::uint32_t p) { unwritten[p] |= static_cast<std::uint8_t>(1u << i.control.write_barrier); });
      else if (info(i.op).latency_cycles == 0)
        places_written(i, [&](std::uint32_t) { fail(pc, "has a result but neither latency nor barrier"); });
      if (is_memory(i.op)) {
        if (i.control.read_barrier == no_barrier) fail(pc, "has no read barrier");
        places_read(i, [&](std::uint32_t p) { unread[p] |= static_cast<std::uint8_t>(1u << i.control.read_barrier); });
      }
      w.next_issue[lane] = now + i.control.stall;
    }
  }

  static std::uint32_t predicate(const Warp& w, const PredicateSource& p) {
    const std::uint32_t mask = p.index == predicate_true ? ~0u : w.predicates[p.index];
    return p.negate ? ~mask : mask;
  }
  LaneWords read(const Warp& w, std::uint32_t index) const {
    return index == register_zero ? LaneWords{} : w.registers[index];
  }
  static void write(Warp& w, std::uint32_t index, const LaneWords& values, std::uint32_t mask) {
    if (index == register_zero) return;
    for (int lane = 0; lane < warp_size; ++lane)
      if ((mask >> lane) & 1u) w.registers[index][lane] = values[lane];
  }

  /// Lets the runnable lanes with the lowest PC execute one instruction; false if none is runnable.
  bool step(std::size_t warp_index) {
    Warp& w = warps_[warp_index];
    std::uint32_t runnable = w.alive & ~w.at_barrier, pc = ~0u, group = 0;
    for (int lane = 0; lane < warp_size; ++lane)
      if (w.waits_for[lane] >= 0) runnable &= ~(1u << lane);
    for (int lane = 0; lane < warp_size; ++lane)
      if (((runnable >> lane) & 1u) != 0) pc = std::min(pc, w.pc[lane]);
    if (runnable == 0) return false;
    for (int lane = 0; lane < warp_size; ++lane)
      if (((runnable >> lane) & 1u) != 0 && w.pc[lane] == pc) group |= 1u << lane;
    if (pc >= kernel_.code.size()) throw std::runtime_error(kernel_.name + ": ran past the end");
    std::int64_t now = 0;
    for (int lane = 0; lane < warp_size; ++lane)
      if ((group >> lane) & 1u) now = std::max(now, w.next_issue[lane]);
    for (int lane = 0; lane < warp_size; ++lane)
      if ((group >> lane) & 1u) w.next_issue[lane] = now;
    check_control_bits(w, group, pc);
    const Instruction& i = kernel_.code[pc];
    const std::uint32_t active = group & predicate(w, i.guard);
    for (int lane = 0; lane < warp_size; ++lane)
      if ((group >> lane) & 1u) w.pc[lane] = pc + 1;
    switch (i.op) {
      case Opcode::exit:
        w.alive &= ~active;
        for (std::uint32_t& members : w.members) members &= ~active;
        release(w);
        break;
      case Opcode::bra:
        for (int lane = 0; lane < warp_size; ++lane)
          if ((active >> lane) & 1u) w.pc[lane] = i.b;
        break;
      case Opcode::bssy:
        w.members[i.selector] |= active;
        break;
      case Opcode::bsync:
        for (int lane = 0; lane < warp_size; ++lane)
          if (((active & w.members[i.selector]) >> lane) & 1u) w.waits_for[lane] = i.selector;
        release(w);
        break;
      case Opcode::bar:
        w.at_barrier |= active;
        break;
      case Opcode::ldg:
      case Opcode::lds:
      case Opcode::stg:
      case Opcode::sts:
        access(w, i, active, pc);
        break;
      case Opcode::s2r: {
        LaneWords values;
        for (std::uint32_t lane = 0; lane < warp_size; ++lane)
          values[lane] = special_value(static_cast<Special>(i.selector), launch_, index_,
                                       static_cast<std::uint32_t>(warp_index), lane);
        write(w, i.d, values, active);
        break;
      }
      default:
        arithmetic(w, i, active);
    }
    return true;
  }

  static void release(Warp& w) {
    for (int b = 0; b < convergence_registers; ++b) {
      std::uint32_t waiting = 0;
      for (int lane = 0; lane < warp_size; ++lane)
        if (w.waits_for[lane] == b) waiting |= 1u << lane;
      if (waiting == 0 || waiting != w.members[b]) continue;
      std::uint32_t pc = ~0u;
      for (int lane = 0; lane < warp_size; ++lane) {
        if (w.waits_for[lane] != b) continue;
        if (pc != ~0u && pc != w.pc[lane])
          throw std::runtime_error("lanes of one convergence barrier meet at two places");
        pc = w.pc[lane];
        w.waits_for[lane] = -1;
      }
      w.members[b] = 0;
    }
  }

  void arithmetic(Warp& w, const Instruction& i, std::uint32_t active) {
    WarpSources s;
    s.a = read(w, i.a);
    if (i.b_source == Source::reg)
      s.b = read(w, i.b);
    else
      s.b.fill(i.b_source == Source::immediate ? i.b : launch_.constants.at(i.b / 4));
    s.c = read(w, i.c);
    if (c_registers(i) == 2 && i.c != register_zero) s.c_high = read(w, i.c + 1u);
    s.p = predicate(w, i.p);
    s.q = predicate(w, i.q);
    WarpResults r;
    execute(i, s, r);
    if (uses(i.op, field_d)) write(w, i.d, r.d, active);
    if (d_registers(i) == 2 && i.d != register_zero) write(w, i.d + 1u, r.d_high, active);
    if (uses(i.op, field_pd) && i.pd != predicate_true)
      w.predicates[i.pd] = (w.predicates[i.pd] & ~active) | (r.pd & active);
  }

  void access(Warp& w, const Instruction& i, std::uint32_t active, std::uint32_t pc) {
    const bool global = i.op == Opcode::ldg || i.op == Opcode::stg;
    std::vector<std::byte>& bytes = global ? memory_.bytes : shared_;
    for (int lane = 0; lane < warp_size; ++lane) {
      if (((active >> lane) & 1u) == 0) continue;
      std::uint64_t address = read(w, i.a)[lane];
      if (global) {
        address |= std::uint64_t{read(w, i.a + 1u)[lane]} << 32;
        address += static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(i.b)});
        address -= Memory::base;
      } else {
        address = static_cast<std::uint32_t>(address + i.b);
      }
      const bool load = is_load(i.op);
      for (int part = 0; part < registers_of(i.type); ++part) {
        const auto reg = static_cast<std::uint32_t>((load ? i.d : i.c) + part);
        std::uint32_t value = load || i.c == register_zero ? 0 : w.registers[reg][lane];
        const auto move = [&]<class T>(T) {
          T& word = word_at<T>(bytes, address + 4u * static_cast<unsigned>(part), pc);
          if (load)
            value = static_cast<std::uint32_t>(std::int64_t{word});
          else
            word = static_cast<T>(value);
        };
        switch (i.type) {
          case Type::u8:
            move(std::uint8_t{});
            break;
          case Type::s8:
            move(std::int8_t{});
            break;
          case Type::u16:
            move(std::uint16_t{});
            break;
          case Type::s16:
            move(std::int16_t{});
            break;
          default:
            move(std::uint32_t{});
        }
        if (load && i.d != register_zero) w.registers[reg][lane] = value;
      }
    }
  }

  const Kernel& kernel_;
  const Launch& launch_;
  Dimensions index_;
  Memory& memory_;
  std::vector<std::byte> shared_;
  std::vector<Warp> warps_;
};

inline void run(const Kernel& kernel, Dimensions grid, Dimensions block, const std::vector<std::uint64_t>& arguments,
                Memory& memory) {
  const Launch launch = make_launch(kernel, grid, block, arguments);
  for (std::uint32_t z = 0; z < grid.z; ++z)
    for (std::uint32_t y = 0; y < grid.y; ++y)
      for (std::uint32_t x = 0; x < grid.x; ++x) BlockInterpreter(kernel, launch, {x, y, z}, memory).run();
}

}  // namespace triad::gpu::test
