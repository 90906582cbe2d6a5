#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <regex>

#include "sim/config/data.hpp"

namespace triad::config {

using Data = Node::Data;
using Kind = Data::Kind;

namespace {

Node root(const Data::Pointer& data, const std::vector<std::string>& overrides, const std::string& scope) {
  const Node node(data);
  if (!node.is_map()) node.fail("expected a map of keys and values, found " + data->description());
  for (const std::string& text : overrides) apply(node, parse_override(text, scope));
  return node;
}

std::vector<std::string> components(const std::string& path) {
  std::vector<std::string> parts(1);
  for (const char c : path) {
    if (c == '.') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

/// The path with "layers[0]" written as "layers.0".
std::string with_dots(const std::string& path) {
  static const std::regex index(R"(\[([0-9]+)\])");
  return std::regex_replace(path, index, ".$1");
}

/// The slot of one item of a list; the index stands in a path as a number ("layers.0").
Data::Pointer& item_slot(Data& data, const std::string& index, const std::string& where) {
  std::size_t position = 0;
  const auto [end, error] = std::from_chars(index.data(), index.data() + index.size(), position);
  if (error != std::errc{} || end != index.data() + index.size() || position >= data.items.size()) {
    throw UnknownKey(where, fmt::format("{}: a list of {} items has no item {}; they are counted from 0", data.path,
                                        data.items.size(), in_quotes(index)));
  }
  return data.items[position];
}

/// The slot below a map or list, created in a map where it is missing.
Data::Pointer& slot(Data& data, const std::string& key, const std::string& where) {
  if (data.kind == Kind::list) return item_slot(data, key, where);
  if (data.kind == Kind::nothing) data.kind = Kind::map;
  if (data.kind != Kind::map) {
    throw UnknownKey(where, fmt::format("{}: is {}, which has no key {}", data.path, data.description(), key));
  }
  for (auto& [name, value] : data.members)
    if (name == key) return value;
  auto created = std::make_shared<Data>();
  created->path = join(data.path, key);
  created->where = created->key_where = where;
  created->folder = std::filesystem::current_path();
  return data.members.emplace_back(key, created).second;
}

/// Puts what `make` returns for the path of the slot in the place that `path` names.
template <class Make>
void place(const Node::Data::Pointer& top, const std::string& path, const std::string& where, const Make& make) {
  if (const std::string right = with_dots(path); right != path)
    throw Error(where + ": an item of a list stands in a path as a number: " + right);
  Data::Pointer data = top;
  Data::Pointer* target = nullptr;
  for (const std::string& key : components(path)) {
    if (key.empty()) throw Error(where + ": '" + path + "' is not a path; expected keys joined by dots");
    if (target) data = *target;
    target = &slot(*data, key, where);
  }
  *target = make((*target)->path);
}

/// A copy of a value under another path; places stay those of the original.
Data::Pointer moved(const Data& data, const std::string& path) {
  auto copy = std::make_shared<Data>(data);
  copy->path = path;
  copy->read = false;
  copy->asked.clear();
  for (auto& [key, value] : copy->members) value = moved(*value, join(path, key));
  for (std::size_t i = 0; i < copy->items.size(); ++i)
    copy->items[i] = moved(*copy->items[i], join(path, std::to_string(i)));
  return copy;
}

/// One text per configuration: keys in order, every text with its length, so that no two configurations share it.
void canonical(Data& data, std::string& out) {
  data.complete();
  const auto text = [&](const std::string& word) { out += fmt::format("{}:{}", word.size(), word); };
  switch (data.kind) {
    case Kind::nothing:
      out += "~";
      break;
    case Kind::scalar:
      text(data.text);
      break;
    case Kind::list:
      out += "[";
      for (const auto& item : data.items) canonical(*item, out);
      out += "]";
      break;
    case Kind::map: {
      auto members = data.members;
      std::sort(members.begin(), members.end(), [](auto& a, auto& b) { return a.first < b.first; });
      out += "{";
      for (const auto& [key, value] : members) {
        text(key);
        canonical(*value, out);
      }
      out += "}";
      break;
    }
  }
}

}  // namespace

Node load(const std::filesystem::path& file, const std::vector<std::string>& overrides, const std::string& scope) {
  return root(read_file(file), overrides, scope);
}

Node parse(const std::string& text, const std::string& name, const std::vector<std::string>& overrides,
           const std::string& scope) {
  return root(read_document({text, name, std::filesystem::current_path(), ""}, ""), overrides, scope);
}

Override parse_override(const std::string& text, const std::string& scope) {
  const std::string where = "--set " + scope + "." + text;
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) throw Error(where + ": expected PATH=VALUE");
  if (equals + 1 == text.size()) throw Error(where + ": the value is missing after '='");
  return {text.substr(0, equals), text.substr(equals + 1), where};
}

void apply(const Node& node, const Override& override_) {
  const Source source{override_.value, override_.where, std::filesystem::current_path(), override_.where};
  place(node.data_, override_.path, override_.where,
        [&](const std::string& path) { return read_document(source, path); });
}

void apply(const Node& node, const std::string& path, const Node& value) {
  place(node.data_, path, value.where(), [&](const std::string& to) { return moved(*value.data_, to); });
}

std::string digest(const Node& node) {
  std::string text;
  canonical(*node.data_, text);
  return fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
}

}  // namespace triad::config
