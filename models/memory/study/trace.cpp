#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "models/memory/study/source.hpp"

namespace triad::memory::study {

namespace {

constexpr std::size_t longest_line = 1000;  // a request takes some tens of characters
constexpr std::string_view blanks = " \t\r\v\f";

struct Word {
  std::string_view text;
  std::size_t column;  // from 1 on
};

/// The words of a line, and where they stand. A cycle's ':' ends its word.
struct Words {
  std::array<Word, 4> words;  // the fourth: one too many
  std::size_t count = 0;

  explicit Words(std::string_view line) {
    line = line.substr(0, line.find('#'));
    std::size_t at = 0;
    while (count < words.size() && (at = line.find_first_not_of(blanks, at)) != std::string_view::npos) {
      const std::size_t end = std::min(line.find_first_of(blanks, at), line.size());
      words[count++] = {line.substr(at, end - at), at + 1};
      at = end;
    }
  }
};

enum class Kind { none, read, write };

Kind kind_of(std::string_view word) {
  constexpr std::array<std::string_view, 8> reads = {"R", "r", "READ", "read", "Read", "LD", "P_MEM_RD", "P_FETCH"};
  constexpr std::array<std::string_view, 8> writes = {"W", "w", "WRITE", "write", "Write", "ST", "P_MEM_WR", "BOFF"};
  if (std::ranges::find(reads, word) != reads.end()) return Kind::read;
  if (std::ranges::find(writes, word) != writes.end()) return Kind::write;
  return Kind::none;
}

/// What a trace holds, fit for a message.
std::string quoted(std::string_view text) {
  constexpr std::size_t most = 40;
  std::string shown;
  for (const char c : text.substr(0, most)) shown += c < ' ' || c > '~' ? '?' : c;
  return "'" + shown + (text.size() > most ? "..." : "") + "'";
}

/// Throws what is wrong with the word at its place.
class Place {
 public:
  Place(const std::string& name, std::uint64_t line) : name_(name), line_(line) {}
  [[noreturn]] void fail(std::size_t column, const std::string& message) const {
    throw config::Error(fmt::format("{}:{}:{}: {}", name_, line_, column, message));
  }
  std::uint64_t number(const Word& word, const char* what, bool hexadecimal) const {
    std::string_view digits = word.text;
    int base = 10;
    if (hexadecimal && (digits.starts_with("0x") || digits.starts_with("0X"))) {
      digits.remove_prefix(2);
      base = 16;
    }
    std::uint64_t value = 0;
    const char* end = digits.data() + digits.size();
    const auto [rest, error] = std::from_chars(digits.data(), end, value, base);
    if (error == std::errc::result_out_of_range) {
      fail(word.column, fmt::format("{} is more than 64 bits", quoted(word.text)));
    }
    if (error != std::errc{} || rest != end) {
      fail(word.column, fmt::format("expected {}{}, found {}", what,
                                    hexadecimal ? ", such as 0x1f40 or 8000" : ", a whole number", quoted(word.text)));
    }
    return value;
  }

 private:
  const std::string& name_;
  std::uint64_t line_;
};

constexpr const char* formats = "expected ADDRESS R|W [CYCLE]";

}  // namespace

std::optional<Access> parse_line(std::string_view line, const std::string& name, std::uint64_t number) {
  const Place place(name, number);
  if (line.size() > longest_line) place.fail(longest_line + 1, fmt::format("{}; the line has no end", formats));
  const Words words(line);
  if (words.count == 0) return std::nullopt;
  const auto end = [&](std::size_t word) { return words.words[word].column + words.words[word].text.size(); };
  Access access;
  std::size_t at = 0;
  Word first = words.words[0];
  if (first.text.ends_with(':')) {  // 42: read 0x1f40
    first.text.remove_suffix(1);
    access.cycle = place.number(first, "a cycle", false);
    ++at;
  }
  if (words.count < at + 2) place.fail(end(words.count - 1), fmt::format("{}; the line ends here", formats));
  // The kind stands before or after the address.
  const bool kind_first = at == 1 || kind_of(words.words[at].text) != Kind::none;
  const Word& kind = words.words[kind_first ? at : at + 1];
  const Word& address = words.words[kind_first ? at + 1 : at];
  access.address = place.number(address, "an address", true);
  if (kind_of(kind.text) == Kind::none) {
    place.fail(kind.column, fmt::format("expected R or W, found {}", quoted(kind.text)));
  }
  access.write = kind_of(kind.text) == Kind::write;
  at += 2;
  if (at < words.count && !access.cycle) access.cycle = place.number(words.words[at++], "a cycle", false);
  if (at < words.count) {
    place.fail(words.words[at].column, fmt::format("{} is one word too many", quoted(words.words[at].text)));
  }
  return access;
}

Trace::Trace(const device::Traffic& traffic, std::uint64_t capacity)
    : stream_(*traffic.trace),
      name_(traffic.trace_name),
      bytes_(traffic.bytes),
      capacity_(capacity),
      left_(traffic.requests.value_or(std::numeric_limits<std::uint64_t>::max())),
      wrap_(traffic.wrap),
      interval_(traffic.interval) {}

void Trace::fail(const std::string& message) const {
  throw config::Error(fmt::format("{}:{}:1: {}", name_, line_, message));
}

std::optional<Access> Trace::next() {
  if (left_ == 0) return std::nullopt;
  std::optional<Access> access;
  std::array<char, longest_line + 2> line;
  while (!access) {
    stream_.getline(line.data(), line.size());
    const auto got = static_cast<std::size_t>(stream_.gcount());
    if (stream_.bad()) throw config::Error(name_ + ": cannot be read");
    if (stream_.fail() && got == 0) {
      if (first_ == 0) throw config::Error(name_ + ": holds no request; expected lines such as 0x1f40 R");
      return std::nullopt;
    }
    const bool whole = stream_.eof() || stream_.fail();  // else the line's end has been counted
    access = parse_line({line.data(), whole ? got : got - 1}, name_, ++line_);
  }
  if (first_ == 0) {
    first_ = line_;
    timed_ = access->cycle.has_value();
    if (timed_ && interval_) fail("has a cycle; with --interval the trace can have none");
  } else if (timed_ != access->cycle.has_value()) {
    fail(fmt::format("has {} cycle, line {} has {}; expected one in every line or in none", timed_ ? "no" : "a", first_,
                     timed_ ? "one" : "none"));
  }
  if (access->cycle.value_or(cycle_) < cycle_) {
    fail(fmt::format("cycle {} is before that of the request above, {}", *access->cycle, cycle_));
  }
  if (access->address > capacity_ - bytes_) {
    if (!wrap_) {
      fail(fmt::format("{} B at {:#x} lie beyond the memory, which has {:#x} B; --wrap folds addresses into it", bytes_,
                       access->address, capacity_));
    }
    access->address %= capacity_;
  }
  --left_;
  if (interval_) {
    access->cycle = cycle_;
    cycle_ += *interval_;
  } else {
    cycle_ = access->cycle.value_or(0);
  }
  return access;
}

}  // namespace triad::memory::study
