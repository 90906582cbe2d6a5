#include "sim/config/node.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "sim/config/data.hpp"

namespace triad::config {

using Kind = Node::Data::Kind;

std::string join(const std::string& path, const std::string& key) {
  return path.empty() ? key : path + "." + key;
}

std::string list(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

std::string in_quotes(const std::string& text) {
  constexpr std::size_t most = 60;
  std::string result;
  std::size_t end = std::min(most, text.size());
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // not within a character
  for (const char c : text.substr(0, end)) {
    if (c == '\n' || c == '\r' || c == '\t') {
      result += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
    } else {
      result += c;
    }
  }
  return "'" + result + (text.size() > most ? "...'" : "'");
}

Node::Data::Pointer Node::Data::member(std::string_view key) const {
  for (const auto& [name, value] : members)
    if (name == key) return value;
  return nullptr;
}

void Node::Data::erase(std::string_view key) {
  std::erase_if(members, [key](const auto& member) { return member.first == key; });
}

std::vector<std::string> Node::Data::member_names() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : members) names.push_back(name);
  return names;
}

std::string Node::Data::description() const {
  switch (kind) {
    case Kind::nothing:
      return "nothing";
    case Kind::scalar:
      return text.empty() ? "an empty text" : in_quotes(text);
    case Kind::list:
      return "a list";
    case Kind::map:
      return "a map";
  }
  return {};
}

bool Node::is_map() const {
  return data_->kind == Kind::map;
}
bool Node::is_list() const {
  return data_->kind == Kind::list;
}

std::optional<Node> Node::find(std::string_view key) const {
  if (!is_map()) fail(fmt::format("expected a map with the key {}, found {}", key, data_->description()));
  data_->complete();
  data_->asked.insert(std::string(key));
  auto value = data_->member(key);
  if (!value) return std::nullopt;
  value->read = true;
  return Node(value);
}

namespace {

/// The key that stands where `missing` should: near to it, and read by nobody so far.
std::string misspelt(const Node::Data& map, const std::string& missing) {
  std::vector<std::string> unread;
  for (const auto& [name, value] : map.members)
    if (!map.asked.contains(name)) unread.push_back(name);
  return nearest(missing, unread);
}

}  // namespace

Node Node::at(std::string_view key) const {
  if (auto value = find(key)) return *value;
  const std::string missing(key);
  const std::string typo = misspelt(*data_, missing);
  if (!typo.empty()) {
    // One name may be the beginning of another, and both be right (tRC, tRCD): then only the missing one is certain.
    if (typo.starts_with(missing) || missing.starts_with(typo)) {
      fail(fmt::format("missing key {}; did you mean it by {} ({})?", missing, typo, data_->member(typo)->key_where));
    }
    throw UnknownKey(data_->member(typo)->key_where, fmt::format("{}: unknown key; did you mean {}? ({} is required)",
                                                                 join(data_->path, typo), missing, missing));
  }
  if (data_->members.empty()) fail(fmt::format("missing key {}; the map is empty", missing));
  fail(fmt::format("missing key {}; the keys here are {}", missing, list(data_->member_names())));
}

std::vector<Node> Node::items() const {
  if (!is_list()) fail("expected a list, found " + data_->description());
  std::vector<Node> result;
  for (const auto& item : data_->items) {
    item->read = true;
    result.emplace_back(item);
  }
  return result;
}

std::vector<std::string> Node::keys() const {
  if (!is_map()) fail("expected a map, found " + data_->description());
  data_->complete();
  return data_->member_names();
}

namespace {

/// The whole text as a number, or nothing.
template <class Number>
std::optional<Number> parse_number(const std::string& text) {
  Number value{};
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || rest != end) return std::nullopt;
  return value;
}

}  // namespace

std::int64_t Node::integer(std::int64_t least, std::int64_t most) const {
  const auto value = data_->kind == Kind::scalar ? parse_number<std::int64_t>(data_->text) : std::nullopt;
  if (!value) fail(fmt::format("expected a whole number from {} to {}, found {}", least, most, data_->description()));
  if (*value < least || *value > most) {
    fail(fmt::format("must be a whole number from {} to {}, found {}", least, most, *value));
  }
  return *value;
}

double Node::number(double least, double most) const {
  const auto value = data_->kind == Kind::scalar ? parse_number<double>(data_->text) : std::nullopt;
  if (!value || !std::isfinite(*value)) {
    fail(fmt::format("expected a number from {} to {}, found {}", least, most, data_->description()));
  }
  if (*value < least || *value > most) {
    fail(fmt::format("must be a number from {} to {}, found {}", least, most, data_->text));
  }
  return *value;
}

bool Node::boolean() const {
  if (data_->kind == Kind::scalar) {
    for (const char* word : {"true", "on", "yes"})
      if (data_->text == word) return true;
    for (const char* word : {"false", "off", "no"})
      if (data_->text == word) return false;
  }
  fail(fmt::format("expected true or false (on, off), found {}", data_->description()));
}

std::string Node::text() const {
  if (data_->kind != Kind::scalar) fail("expected a text, found " + data_->description());
  if (data_->text.empty()) fail("expected a text, found an empty one");
  return data_->text;
}

std::string Node::choice(const std::vector<std::string>& words) const {
  const std::string word = text();
  if (std::find(words.begin(), words.end(), word) != words.end()) return word;
  if (words.size() == 1) fail(fmt::format("only {} is available, found {}", words.front(), in_quotes(word)));
  const std::string near = nearest(word, words);
  fail(fmt::format("{} is none of {}{}", in_quotes(word), list(words),
                   near.empty() ? "" : "; did you mean " + near + "?"));
}

double Node::quantity(Quantity quantity) const {
  if (data_->kind != Kind::scalar) {
    fail(fmt::format("expected a value with a unit, found {}", data_->description()));
  }
  try {
    return parse_quantity(data_->text, quantity);
  } catch (const std::invalid_argument& error) {
    fail(error.what());
  }
}

std::string Node::path() const {
  return data_->path;
}
std::string Node::where() const {
  return data_->where;
}
std::filesystem::path Node::folder() const {
  return data_->folder;
}
std::vector<std::filesystem::path> Node::sources() const {
  data_->complete();
  return data_->sources;
}

void Node::fail(const std::string& message) const {
  throw Error(data_->where + ": " + (data_->path.empty() ? "" : data_->path + ": ") + message);
}

void Node::reject_unread() const {
  for (const auto& [name, value] : data_->members) {
    if (!value->read) {
      const std::vector<std::string> asked(data_->asked.begin(), data_->asked.end());
      const std::string near = nearest(name, asked);
      std::string help;
      if (!near.empty()) {
        help = "; did you mean " + near + "?";
      } else if (!asked.empty()) {
        help = "; the keys here are " + list(asked);
      }
      throw UnknownKey(value->key_where, value->path + ": unknown key" + help);
    }
    Node(value).reject_unread();
  }
  for (const auto& item : data_->items) Node(item).reject_unread();
}

}  // namespace triad::config
