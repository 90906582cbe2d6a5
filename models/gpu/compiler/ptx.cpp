#include "models/gpu/compiler/ptx.hpp"

#include <cctype>
#include <charconv>
#include <string_view>

#include "models/gpu/compiler/error.hpp"

namespace triad::gpu::ptx {
namespace {

struct Token {
  int line = 0;
  std::string text;  ///< a word (letters, digits, . _ $ %) or one other character; empty at the end
};

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '$' || c == '%';
}

/// Splits the text into words and single characters; drops white space and comments; keeps a quoted string as one
/// token.
std::vector<Token> tokenize(const std::string& text) {
  std::vector<Token> tokens;
  int line = 1;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '\n') ++line;
    if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      ++i;
    } else if (text.compare(i, 2, "//") == 0) {
      while (i < text.size() && text[i] != '\n') ++i;
    } else if (text.compare(i, 2, "/*") == 0) {
      const std::size_t end = text.find("*/", i);
      if (end == std::string::npos) throw CompileError(line, "comment without an end");
      for (; i < end + 2; ++i) line += text[i] == '\n';
    } else if (c == '"') {
      const std::size_t end = text.find('"', i + 1);
      if (end == std::string::npos) throw CompileError(line, "string without an end");
      tokens.push_back({line, text.substr(i, end + 1 - i)});
      i = end + 1;
    } else if (is_word(c)) {
      std::size_t end = i;
      while (end < text.size() && is_word(text[end])) ++end;
      tokens.push_back({line, text.substr(i, end - i)});
      i = end;
    } else {
      tokens.push_back({line, std::string(1, c)});
      ++i;
    }
  }
  tokens.push_back({line, ""});
  return tokens;
}

int bytes_of_type(const Token& type) {
  static const std::map<std::string_view, int> sizes{{".b8", 1},  {".u8", 1},  {".s8", 1},  {".b16", 2}, {".u16", 2},
                                                     {".s16", 2}, {".b32", 4}, {".u32", 4}, {".s32", 4}, {".f32", 4},
                                                     {".b64", 8}, {".u64", 8}, {".s64", 8}, {".f64", 8}};
  const auto found = sizes.find(type.text);
  if (found == sizes.end()) throw CompileError(type.line, "type " + type.text + " is not supported");
  return found->second;
}

class Parser {
 public:
  explicit Parser(const std::string& text) : tokens_(tokenize(text)) {}

  std::vector<Function> module() {
    std::vector<Function> functions;
    while (!peek().text.empty()) {
      const Token token = take();
      if (token.text == ".version" || token.text == ".target" || token.text == ".address_size") {
        take();
        while (accept(",")) take();
      } else if (token.text == ".visible" || token.text == ".weak" || token.text == ".extern") {
        continue;
      } else if (token.text == ".entry") {
        functions.push_back(function());
      } else if (token.text == ".shared") {
        module_shared_.push_back(variable());
        expect(";");
      } else {
        throw CompileError(token.line,
                           token.text + " is not supported outside a kernel" +
                               (token.text == ".func" ? " (calls: let the compiler inline the function)" : ""));
      }
    }
    for (Function& f : functions) f.shared.insert(f.shared.end(), module_shared_.begin(), module_shared_.end());
    return functions;
  }

 private:
  const Token& peek() const { return tokens_[next_]; }
  Token take() {
    if (peek().text.empty()) throw CompileError(peek().line, "the text ends here, in the middle of a statement");
    return tokens_[next_++];
  }
  bool accept(std::string_view text) {
    if (peek().text != text) return false;
    ++next_;
    return true;
  }
  void expect(std::string_view text) {
    const Token token = take();
    if (token.text != text)
      throw CompileError(token.line, "found \"" + token.text + "\" where \"" + std::string(text) + "\" belongs");
  }

  std::int64_t integer() {
    const bool negative = accept("-");
    const Token token = take();
    std::string_view digits = token.text;
    int base = 10;
    if (digits.starts_with("0x") || digits.starts_with("0X")) {
      digits.remove_prefix(2);
      base = 16;
    }
    if (digits.ends_with('U')) digits.remove_suffix(1);
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (error != std::errc() || end != digits.data() + digits.size())
      throw CompileError(token.line, "\"" + token.text + "\" is not an integer");
    return static_cast<std::int64_t>(negative ? 0 - value : value);
  }

  /// `.align 4 .b8 name[1024]` or `.u64 name`, without what ends it.
  Variable variable() {
    Variable result;
    if (accept(".align")) result.alignment = static_cast<int>(integer());
    const int element = bytes_of_type(take());
    if (result.alignment < element) result.alignment = element;
    if (accept(".ptr")) {  // a pointer's state space and alignment, of no consequence here
      if (peek().text.starts_with(".") && peek().text != ".align") take();
      if (accept(".align")) integer();
    }
    result.name = take().text;
    result.bytes = element;
    if (accept("[")) {
      result.bytes = element * static_cast<int>(integer());
      expect("]");
    }
    return result;
  }

  Function function() {
    Function f;
    f.line = peek().line;
    f.name = take().text;
    expect("(");
    while (!accept(")")) {
      expect(".param");
      f.parameters.push_back(variable());
      if (f.parameters.back().bytes != 4 && f.parameters.back().bytes != 8)
        throw CompileError(f.line, "parameter " + f.parameters.back().name + " has " +
                                       std::to_string(f.parameters.back().bytes) + " bytes; 4 and 8 are supported");
      accept(",");
    }
    while (peek().text.starts_with(".")) {  // .maxntid and other hints of performance
      take();
      do integer();
      while (accept(","));
    }
    expect("{");
    int depth = 1;
    while (depth > 0) {
      if (accept("{")) {
        ++depth;
      } else if (accept("}")) {
        --depth;
      } else {
        statement(f);
      }
    }
    return f;
  }

  void statement(Function& f) {
    if (accept(".reg")) {
      const std::string type = take().text.substr(1);
      do {
        const Token name = take();
        f.registers[name.text] = type;
        if (accept("<")) {
          integer();
          expect(">");
        }
      } while (accept(","));
      return expect(";");
    }
    if (accept(".shared")) {
      f.shared.push_back(variable());
      return expect(";");
    }
    if (accept(".pragma")) {
      take();
      return expect(";");
    }
    Statement s;
    s.line = peek().line;
    if (accept("@")) {
      s.guard_negated = accept("!");
      s.guard = take().text;
    }
    s.opcode = take().text;
    if (s.opcode.starts_with(".")) throw CompileError(s.line, "directive " + s.opcode + " is not supported");
    if (accept(":")) {
      s.label.swap(s.opcode);
      f.body.push_back(s);
      return;
    }
    if (!is_word(s.opcode[0])) throw CompileError(s.line, "found \"" + s.opcode + "\" where an opcode belongs");
    while (!accept(";")) {
      s.operands.push_back(operand());
      if (!accept(",") && peek().text != ";")
        throw CompileError(peek().line, "found \"" + peek().text + "\" after an operand of " + s.opcode +
                                            " where \",\" or \";\" belongs");
    }
    f.body.push_back(s);
  }

  Operand operand() {
    Operand result;
    if (accept("[")) {
      result.kind = Operand::Kind::memory;
      result.text = take().text;
      if (accept("+")) result.value = integer();
      expect("]");
      return result;
    }
    const std::string& text = peek().text;
    if (text == "{") throw CompileError(peek().line, "vector operands are not supported");
    if (text.starts_with("0f") || text.starts_with("0F")) {  // an fp32 by its bits
      result.kind = Operand::Kind::immediate;
      tokens_[next_].text.replace(0, 2, "0x");
      result.value = integer();
    } else if (text == "-" || std::isdigit(static_cast<unsigned char>(text.empty() ? 'x' : text[0])) != 0) {
      result.kind = Operand::Kind::immediate;
      result.value = integer();
    } else {
      result.text = take().text;
    }
    return result;
  }

  std::vector<Token> tokens_;
  std::size_t next_ = 0;
  std::vector<Variable> module_shared_;
};

}  // namespace

std::vector<Function> parse(const std::string& text) {
  return Parser(text).module();
}

}  // namespace triad::gpu::ptx
