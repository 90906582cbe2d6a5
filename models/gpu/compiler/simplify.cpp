#include <utility>
#include <vector>

#include "models/gpu/compiler/passes.hpp"

namespace triad::gpu::compiler {
namespace {

/// How often each word and predicate is written and read, and the last instruction that writes it.
struct Uses {
  explicit Uses(Program& program)
      : writes(static_cast<std::size_t>(program.words), 0),
        reads(writes),
        predicate_reads(static_cast<std::size_t>(program.predicates), 0),
        writer(static_cast<std::size_t>(program.words), nullptr) {
    for (Block& block : program.blocks) {
      if (block.branch_predicate != none) ++predicate_reads[static_cast<std::size_t>(block.branch_predicate)];
      for (Virtual& i : block.code) {
        for_each_word_read(i, [&](int word) { ++reads[static_cast<std::size_t>(word)]; });
        for_each_word_written(i, [&](int word) {
          ++writes[static_cast<std::size_t>(word)];
          writer[static_cast<std::size_t>(word)] = &i;
        });
        for_each_source_predicate(i, [&](int p) { ++predicate_reads[static_cast<std::size_t>(p)]; });
      }
    }
  }
  bool written_once(int word) const { return word != none && writes[static_cast<std::size_t>(word)] == 1; }
  /// The move that alone writes the word in every lane, or nullptr.
  const Virtual* move_to(int word) const {
    if (!written_once(word)) return nullptr;
    const Virtual* i = writer[static_cast<std::size_t>(word)];
    return i->base.op == Opcode::mov && i->guard == none ? i : nullptr;
  }

  std::vector<int> writes, reads, predicate_reads;
  std::vector<Virtual*> writer;
};

/// Uses of a copy become uses of the original, where both have one value for all time.
void propagate_copies(Program& program) {
  const Uses uses(program);
  const auto original = [&](int word) {
    for (;;) {
      const Virtual* copy = uses.move_to(word);
      if (copy == nullptr || copy->base.b_source != Source::reg || !uses.written_once(copy->b)) return word;
      word = copy->b;
    }
  };
  for (Block& block : program.blocks)
    for (Virtual& i : block.code)
      for_each_source(i, [&](int& word, int count) {
        const int from = original(word);
        if (count == 1 || original(word + 1) == from + 1) word = from;
      });
}

/// Exchanges operands a and b of a commutative operation.
void exchange(Virtual& i, int new_a) {
  std::swap(i.base.negate_a, i.base.negate_b);
  i.a = new_a;
}
bool is_commutative(Opcode op) {
  switch (op) {
    case Opcode::fadd:
    case Opcode::fmul:
    case Opcode::ffma:
    case Opcode::iadd3:
    case Opcode::imad:
    case Opcode::imad_hi:
    case Opcode::imad_wide:
      return true;
    default:
      return false;
  }
}

/// Constants and parameters become operand b itself; a zero elsewhere becomes RZ.
void fold_constants(Program& program) {
  const Uses uses(program);
  const auto constant = [&](int word) -> const Virtual* {
    const Virtual* move = word == none ? nullptr : uses.move_to(word);
    return move != nullptr && move->base.b_source != Source::reg ? move : nullptr;
  };
  const auto is_zero = [&](int word) {
    const Virtual* move = constant(word);
    return move != nullptr && move->base.b_source == Source::immediate && move->base.b == 0;
  };
  for (Block& block : program.blocks)
    for (Virtual& i : block.code) {
      if (i.b == none && i.base.b_source == Source::reg && !is_commutative(i.base.op)) continue;
      if (is_commutative(i.base.op) && constant(i.a) != nullptr && i.b != none && constant(i.b) == nullptr) {
        const int a = i.a;
        exchange(i, i.b);
        i.b = a;
      }
      if (const Virtual* move = i.b == none ? nullptr : constant(i.b)) {
        i.base.b_source = move->base.b_source;
        i.base.b = move->base.b;
        i.b = none;
      }
      if (a_registers(i.base) == 1 && !is_memory(i.base.op) && is_zero(i.a)) i.a = none;
      if (c_registers(i.base) == 1 && is_zero(i.c)) i.c = none;
    }
}

/// Is it one half of a plain 64-bit addition of registers?
bool is_plain_addition(const Virtual& i) {
  return i.base.op == Opcode::iadd3 && i.guard == none && i.c == none && !i.base.negate_a && !i.base.negate_b &&
         i.base.b_source == Source::reg && i.a != none && i.b != none;
}

/// d = x + a * b of 64 bits: imad.wide, then iadd3 and iadd3.x, becomes one imad.wide with x as its sum. Finds the
/// first such addition; false if there is none.
bool fuse_address(Program& program) {
  const Uses uses(program);
  const auto single_value = [&](int word) { return word == none || uses.written_once(word); };
  for (Block& block : program.blocks)
    for (std::size_t n = 0; n + 1 < block.code.size(); ++n) {
      Virtual &low = block.code[n], &high = block.code[n + 1];
      if (!is_plain_addition(low) || !is_plain_addition(high) || low.pd == none || high.p != low.pd ||
          !high.base.extended || high.a != low.a + 1 || high.b != low.b + 1 || high.d != low.d + 1 ||
          uses.predicate_reads[static_cast<std::size_t>(low.pd)] != 1)
        continue;
      for (const auto& [product, sum] : {std::pair{low.b, low.a}, std::pair{low.a, low.b}}) {
        if (!uses.written_once(product) || !uses.written_once(product + 1)) continue;
        const Virtual& multiply = *uses.writer[static_cast<std::size_t>(product)];
        if (multiply.base.op != Opcode::imad_wide || multiply.d != product || multiply.c != none ||
            multiply.guard != none || uses.reads[static_cast<std::size_t>(product)] != 1 ||
            uses.reads[static_cast<std::size_t>(product + 1)] != 1 || !single_value(multiply.a) ||
            !single_value(multiply.b))
          continue;
        Virtual fused = multiply;
        fused.d = low.d;
        fused.c = sum;
        fused.line = low.line;
        low = fused;
        block.code.erase(block.code.begin() + static_cast<std::ptrdiff_t>(n) + 1);
        return true;
      }
    }
  return false;
}

/// Removes instructions without a use; a product of 64 bits of which only the lower half is used becomes one of 32.
void remove_unused(Program& program) {
  for (bool changed = true; changed;) {
    changed = false;
    const Uses uses(program);
    for (Block& block : program.blocks) {
      const auto unused = [&](const Virtual& i) {
        if (has_effect(i)) return false;
        bool used = i.pd != none && uses.predicate_reads[static_cast<std::size_t>(i.pd)] > 0;
        for_each_word_written(i, [&](int word) { used = used || uses.reads[static_cast<std::size_t>(word)] > 0; });
        return !used;
      };
      for (Virtual& i : block.code) {
        if (i.base.op == Opcode::imad_wide && uses.reads[static_cast<std::size_t>(i.d + 1)] == 0) {
          i.base.op = Opcode::imad;
          i.base.type = Type::u32;
          changed = true;
        }
        if (i.pd != none && i.base.op == Opcode::iadd3 && uses.predicate_reads[static_cast<std::size_t>(i.pd)] == 0)
          i.pd = none;
      }
      changed = std::erase_if(block.code, unused) > 0 || changed;
    }
  }
}

}  // namespace

void simplify(Program& program) {
  propagate_copies(program);
  while (fuse_address(program)) {
  }
  remove_unused(program);
  fold_constants(program);
  remove_unused(program);
}

}  // namespace triad::gpu::compiler
