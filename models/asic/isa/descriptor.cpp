#include "models/asic/isa/descriptor.hpp"

#include <fmt/format.h>

#include <bit>
#include <stdexcept>

#include "models/asic/isa/fields.hpp"

namespace triad::asic::isa {
namespace {

constexpr const char* engine_names[engine_count] = {"gemm", "pointwise", "update", "reshape", "pooling", "indexed"};

bool same(const kit::StepAddress& a, const kit::StepAddress& b) {
  return a.base == b.base && a.stride == b.stride && a.period == b.period;
}

class Encoder {
 public:
  template <class T>
  void field(const std::string& name, int bits, bool is_signed, const T& value) {
    const auto number = static_cast<std::int64_t>(value);
    const std::int64_t low = is_signed ? -(std::int64_t{1} << (bits - 1)) : 0;
    const std::int64_t high = (std::int64_t{1} << (is_signed ? bits - 1 : bits)) - 1;
    if (number < low || number > high) {
      throw std::out_of_range(fmt::format("descriptor field {} holds {}..{}, not {}", name, low, high, number));
    }
    put(static_cast<std::uint64_t>(number), bits);
  }
  template <class T>
  void code(const std::string& name, int bits, const T& value, int) {
    field(name, bits, false, value);
  }
  template <class T>
  void length(const std::string& name, int bits, const std::vector<T>& list, int most) {
    if (static_cast<int>(list.size()) > most) {
      throw std::out_of_range(fmt::format("descriptor holds {} {} at most, not {}", most, name, list.size()));
    }
    field(name, bits, false, list.size());
  }
  template <class T>
  void resize(const std::vector<T>& list, std::size_t size) {
    if (list.size() != size) throw std::out_of_range("a stream has one stride per axis");
  }
  std::vector<std::uint32_t> words;

 private:
  void put(std::uint64_t value, int bits) {
    for (int done = 0; done < bits;) {
      if (bit_ % 32 == 0) words.push_back(0);
      const int here = std::min(bits - done, 32 - bit_ % 32);
      const std::uint64_t part = (value >> done) & ((std::uint64_t{1} << here) - 1);
      words.back() |= static_cast<std::uint32_t>(part << (bit_ % 32));
      bit_ += here;
      done += here;
    }
  }
  int bit_ = 0;
};

class Decoder {
 public:
  explicit Decoder(std::span<const std::uint32_t> words) : words_(words) {}
  template <class T>
  void field(const std::string&, int bits, bool is_signed, T& value) {
    std::uint64_t raw = get(bits);
    if (is_signed && (raw >> (bits - 1)) != 0) raw |= ~std::uint64_t{0} << (bits - 1);
    value = static_cast<T>(static_cast<std::int64_t>(raw));
  }
  template <class T>
  void code(const std::string& name, int bits, T& value, int count) {
    const auto raw = static_cast<int>(get(bits));
    if (raw >= count) {
      throw std::invalid_argument(fmt::format("descriptor names {} {}, must be below {}", name, raw, count));
    }
    value = static_cast<T>(raw);
  }
  template <class T>
  void length(const std::string& name, int bits, std::vector<T>& list, int most) {
    const auto size = static_cast<int>(get(bits));
    if (size > most) throw std::invalid_argument(fmt::format("descriptor has {} {}, {} at most", size, name, most));
    list.resize(static_cast<std::size_t>(size));
  }
  template <class T>
  void resize(std::vector<T>& list, std::size_t size) {
    list.resize(size);
  }

 private:
  std::uint64_t get(int bits) {
    std::uint64_t value = 0;
    for (int done = 0; done < bits;) {
      if (static_cast<std::size_t>(bit_ / 32) >= words_.size()) {
        throw std::invalid_argument("descriptor ends before its last field");
      }
      const int here = std::min(bits - done, 32 - bit_ % 32);
      const std::uint64_t part = (words_[static_cast<std::size_t>(bit_ / 32)] >> (bit_ % 32)) &
                                 static_cast<std::uint32_t>((std::uint64_t{1} << here) - 1);
      value |= part << done;
      bit_ += here;
      done += here;
    }
    return value;
  }
  std::span<const std::uint32_t> words_;
  int bit_ = 0;
};

class Printer {
 public:
  template <class T>
  void field(const std::string& name, int, bool, const T& value) {
    const auto number = static_cast<std::int64_t>(value);
    if (number == 0) return;
    text += name.ends_with(".base") ? fmt::format(" {}={:#x}", name, number) : fmt::format(" {}={}", name, number);
  }
  template <class T>
  void code(const std::string& name, int bits, const T& value, int) {
    if (name == "engine") return;
    if (name == "function") {
      text += fmt::format(" {}", graph::to_string(static_cast<graph::Function>(value)));
    } else {
      field(name, bits, false, value);
    }
  }
  template <class T>
  void length(const std::string& name, int, const std::vector<T>& list, int) {
    if (!list.empty()) text += fmt::format(" {}={}", name, list.size());
  }
  template <class T>
  void resize(const std::vector<T>&, std::size_t) {}
  std::string text;
};

}  // namespace

const char* to_string(Engine engine) {
  return engine_names[static_cast<std::size_t>(engine)];
}

int bytes_of(Storage storage) {
  return storage == Storage::bf16 ? 2 : 4;
}

bool Stream::operator==(const Stream& other) const {
  return same(address, other.address) && storage == other.storage && term == other.term && strides == other.strides;
}

bool Matrix::operator==(const Matrix& other) const {
  return same(address, other.address) && batch_stride == other.batch_stride && v_extent == other.v_extent &&
         v_stride == other.v_stride && k_extent == other.k_extent && k_stride == other.k_stride &&
         guarded == other.guarded && guard == other.guard;
}

graph::Formula formula_of(const Descriptor& descriptor) {
  graph::Formula formula;
  for (const Axis& axis : descriptor.axes) {
    formula.space.push_back(axis.extent);
    formula.reduced.push_back(axis.reduced);
  }
  for (const Stream& operand : descriptor.operands) formula.strides.push_back(operand.strides);
  for (const Term& term : descriptor.terms) {
    const double value =
        term.function == graph::Function::uniform ? static_cast<double>(term.value) : std::bit_cast<float>(term.value);
    formula.terms.push_back({term.function, term.arguments, value});
  }
  for (const Stream& result : descriptor.results) {
    bool per_row = false;
    for (std::size_t axis = 0; axis < descriptor.axes.size(); ++axis) {
      per_row |= descriptor.axes[axis].reduced && result.strides[axis] == 0;
    }
    formula.results.push_back({result.term, per_row});
  }
  return formula;
}

std::vector<std::uint32_t> encode(const Descriptor& descriptor) {
  Encoder encoder;
  encoder.field("lines", 8, false, 0);
  visit(encoder, descriptor);
  const std::size_t lines = (encoder.words.size() + line_words - 1) / line_words;
  if (lines > 255) throw std::out_of_range(fmt::format("descriptor takes 255 lines at most, not {}", lines));
  encoder.words.resize(lines * line_words);
  encoder.words[0] |= static_cast<std::uint32_t>(lines);
  return encoder.words;
}

int lines_of(std::uint32_t first_word) {
  return std::max(1, static_cast<int>(first_word & 0xff));
}

Descriptor decode(std::span<const std::uint32_t> words) {
  Decoder decoder(words);
  Descriptor d;
  int lines = 0;
  decoder.field("lines", 8, false, lines);
  visit(decoder, d);
  for (std::size_t i = 0; i < d.terms.size(); ++i) {
    const Term& term = d.terms[i];
    for (int a = 0; a < graph::arity(term.function); ++a) {
      const int argument = term.arguments[static_cast<std::size_t>(a)];
      if (argument < 0 || argument >= static_cast<int>(i)) {
        throw std::invalid_argument(fmt::format("term {} reads term {}", i, argument));
      }
    }
    const bool operand = term.function == graph::Function::operand;
    const std::size_t there = operand ? d.operands.size() : d.axes.size();
    if ((operand || term.function == graph::Function::coordinate) &&
        (term.arguments[0] < 0 || static_cast<std::size_t>(term.arguments[0]) >= there)) {
      throw std::invalid_argument(
          fmt::format("term {} reads {} {} of {}", i, operand ? "operand" : "axis", term.arguments[0], there));
    }
  }
  for (const Stream& result : d.results) {
    if (!d.terms.empty() && static_cast<std::size_t>(result.term) >= d.terms.size()) {
      throw std::invalid_argument(fmt::format("a result is term {} of {}", result.term, d.terms.size()));
    }
  }
  return d;
}

std::string disassemble(const Descriptor& descriptor) {
  Printer printer;
  visit(printer, descriptor);
  return to_string(descriptor.engine) + printer.text;
}

}  // namespace triad::asic::isa
