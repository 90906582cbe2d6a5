#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "sim/config/data.hpp"

namespace triad::config {

using Data = Node::Data;
using Kind = Data::Kind;

namespace {

bool of_a_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

/// "$a * 4 / $b + 1": whole numbers and parameters, read from left to right.
class Arithmetic {
 public:
  Arithmetic(const Node& node, const std::string& text, const Parameters& parameters)
      : node_(node), text_(text), parameters_(parameters) {}

  std::int64_t value() {
    std::int64_t result = term();
    for (skip(); at_ < text_.size(); skip()) {
      const char sign = text_[at_++];
      if (sign != '+' && sign != '-') fail();
      const std::int64_t next = term();
      if (__builtin_add_overflow(result, sign == '+' ? next : -next, &result)) fail();
    }
    return result;
  }

 private:
  [[noreturn]] void fail() const {
    node_.fail(fmt::format("{} is no product, quotient or sum of whole numbers and parameters", in_quotes(text_)));
  }
  void skip() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  std::int64_t term() {
    std::int64_t result = factor();
    for (skip(); at_ < text_.size() && (text_[at_] == '*' || text_[at_] == '/'); skip()) {
      const bool product = text_[at_++] == '*';
      const std::int64_t next = factor();
      if (product) {
        if (__builtin_mul_overflow(result, next, &result)) fail();
      } else {
        if (next == 0 || result % next != 0) {
          node_.fail(fmt::format("{}: {} divided by {} is no whole number", in_quotes(text_), result, next));
        }
        result /= next;
      }
    }
    return result;
  }
  std::int64_t factor() {
    skip();
    std::size_t end = at_;
    if (end < text_.size() && text_[end] == '$') {
      ++end;
      while (end < text_.size() && of_a_name(text_[end])) ++end;
      const std::string name = text_.substr(at_ + 1, end - at_ - 1);
      at_ = end;
      return parameter(node_, name, parameters_).integer(-(std::int64_t{1} << 40), std::int64_t{1} << 40);
    }
    std::int64_t value = 0;
    const auto [rest, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc{}) fail();
    at_ = static_cast<std::size_t>(rest - text_.data());
    return value;
  }

 public:
  static const Node& parameter(const Node& node, const std::string& name, const Parameters& parameters) {
    if (const auto found = parameters.find(name); found != parameters.end()) return found->second;
    std::vector<std::string> known;
    for (const auto& [key, value] : parameters) known.push_back(key);
    const std::string near = nearest(name, known);
    node.fail(fmt::format("no parameter ${}; {}{}", name,
                          known.empty() ? "there are none here" : "those here are " + list(known),
                          near.empty() ? "" : "; did you mean $" + near + "?"));
  }

 private:
  const Node& node_;
  const std::string& text_;
  const Parameters& parameters_;
  std::size_t at_ = 0;
};

}  // namespace

namespace {

/// "$width * $index" inside a repetition: the other parameters' texts are put in, $index is the repetition's own.
std::string all_but_index(const Node& node, const std::string& text, const Parameters& parameters) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at + 1;
    while (text[at] == '$' && end < text.size() && of_a_name(text[end])) ++end;
    const std::string word = text.substr(at, end - at);
    const bool kept = word[0] != '$' || word == "$index";
    result += kept ? word : Arithmetic::parameter(node, word.substr(1), parameters).text();
    at = end;
  }
  return result;
}

}  // namespace

Node substituted(const Node& node, const Parameters& parameters, bool repeated, bool root) {
  const Data& from = *node.data_;
  auto copy = std::make_shared<Data>(from);
  copy->read = false;
  copy->asked.clear();
  if (from.kind == Kind::scalar && from.text.find('$') != std::string::npos) {
    const std::string& text = from.text;
    const bool alone = text[0] == '$' && text.size() > 1 && std::all_of(text.begin() + 1, text.end(), of_a_name);
    if (repeated && text.find("$index") != std::string::npos) {
      copy->text = all_but_index(node, text, parameters);
    } else if (alone) {
      // The value keeps its own place: an error about it points at who gave it.
      *copy = *Arithmetic::parameter(node, text.substr(1), parameters).data_;
      copy->path = from.path;
      copy->key_where = from.key_where;
      copy->read = false;
      copy->asked.clear();
    } else {
      copy->text = std::to_string(Arithmetic(node, text, parameters).value());
    }
    return Node(copy);
  }
  repeated = repeated || (!root && from.member("repeat") != nullptr);
  for (auto& [key, value] : copy->members) value = substituted(Node(value), parameters, repeated, false).data_;
  for (auto& item : copy->items) item = substituted(Node(item), parameters, repeated, false).data_;
  return Node(copy);
}

Node substituted(const Node& node, const Parameters& parameters) {
  return substituted(node, parameters, false, true);
}

void mark_read(const Node& node) {
  node.data_->read = true;
  for (const auto& [key, value] : node.data_->members) mark_read(Node(value));
  for (const auto& item : node.data_->items) mark_read(Node(item));
}

Node number_node(const Node& place, std::int64_t value) {
  auto made = std::make_shared<Data>();
  made->kind = Kind::scalar;
  made->text = std::to_string(value);
  made->where = place.data_->where;
  made->key_where = place.data_->key_where;
  made->path = place.data_->path;
  made->folder = place.data_->folder;
  return Node(made);
}

}  // namespace triad::config
