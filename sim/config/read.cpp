#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <optional>

#include "sim/config/data.hpp"

namespace triad::config {

namespace fs = std::filesystem;
using Data = Node::Data;
using Kind = Data::Kind;

namespace {

constexpr std::size_t largest_file = 16u << 20;  // configurations are kilobytes: more is not one
constexpr std::size_t most_values = 100'000;     // aliases can multiply a small file without bound
constexpr std::size_t longest_key = 80;
constexpr int deepest = 64;  // an alias can contain itself

/// How errors call a file: relative to the current folder, or to the source tree for a preset.
std::string display_name(const fs::path& file) {
  const auto inside = [&](const fs::path& folder) -> std::string {
    std::error_code error;
    const fs::path relative = fs::proximate(file, folder, error);
    return error || relative.empty() || relative.is_absolute() || *relative.begin() == ".." ? "" : relative.string();
  };
  if (std::string name = inside(fs::current_path()); !name.empty()) return name;
  if (std::string name = inside(presets()); !name.empty()) return "configs/" + name;
  return file.string();
}

std::string place(const std::string& name, const YAML::Mark& mark) {
  return mark.is_null() ? name + ":1:1" : fmt::format("{}:{}:{}", name, mark.line + 1, mark.column + 1);
}

std::string place(const std::string& name, const std::string& text, std::size_t offset) {
  const auto begin = text.begin(), here = text.begin() + static_cast<std::ptrdiff_t>(offset);
  const auto line = 1 + std::count(begin, here, '\n');
  const std::size_t newline = text.rfind('\n', offset);
  return fmt::format("{}:{}:{}", name, line, offset - (newline == std::string::npos ? 0 : newline + 1) + 1);
}

/// The first byte that text does not contain: a control character or a broken UTF-8 sequence.
std::optional<std::size_t> first_binary_byte(const std::string& text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t') || byte == 0x7f) return i;
    const std::size_t length = byte < 0x80             ? 1
                               : (byte & 0xe0) == 0xc0 ? 2
                               : (byte & 0xf0) == 0xe0 ? 3
                               : (byte & 0xf8) == 0xf0 ? 4
                                                       : 0;
    if (length == 0 || i + length > text.size()) return i;
    for (std::size_t j = 1; j < length; ++j)
      if ((static_cast<unsigned char>(text[i + j]) & 0xc0) != 0x80) return i;
    i += length;
  }
  return std::nullopt;
}

using Members = decltype(Data::members);

void merge(Data& base, const Members& derived) {
  for (const auto& [key, value] : derived) {
    const auto found = std::find_if(base.members.begin(), base.members.end(), [&](auto& m) { return m.first == key; });
    if (found == base.members.end()) {
      base.members.emplace_back(key, value);
    } else if (found->second->kind == Kind::map && value->kind == Kind::map) {
      merge(*found->second, value->members);
      found->second->where = value->where;
      found->second->key_where = value->key_where;
    } else {
      found->second = value;
    }
  }
}

/// Turns YAML into Data: places, paths, duplicate keys, `extends`.
class Reader {
 public:
  Data::Pointer file(const fs::path& file, const std::string& path);
  Data::Pointer document(const Source& source, const std::string& path);
  /// Merges the preset that the map names below it, and the one that this one names.
  void complete(Data& data);

 private:
  Data::Pointer value(const Source& source, const YAML::Node& node, const std::string& path, int depth);
  void members(const Source& source, const YAML::Node& node, Data& data, int depth);
  Data::Pointer extended(const Data::Pointer& data);
  /// The map in the file that a key of another map names, and the file itself.
  Data::Pointer base(const Data::Pointer& name, const std::string& path, const std::vector<std::string>& folders);

  std::vector<fs::path> open_;  ///< files that build on one another, outermost first
  std::size_t values_ = 0;
};

Data::Pointer Reader::file(const fs::path& file, const std::string& path) {
  const std::string name = display_name(file);
  std::error_code error;
  if (fs::is_directory(file, error)) throw Error(name + ": is a folder, expected a YAML file");
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    throw Error(name + (fs::exists(file, error) ? ": cannot be read" : ": no such file"));
  }
  std::string text(largest_file + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > largest_file) throw Error(name + ": larger than 16 MiB; this is no configuration");

  open_.push_back(fs::weakly_canonical(file));
  auto data = document({text, name, fs::absolute(file).lexically_normal().parent_path(), ""}, path);
  open_.pop_back();
  data->sources.insert(data->sources.begin(), fs::absolute(file).lexically_normal());
  return data;
}

Data::Pointer Reader::document(const Source& source, const std::string& path) {
  const auto where = [&](const std::string& place) { return source.where.empty() ? place : source.where; };
  if (auto offset = first_binary_byte(source.text)) {
    throw Error(fmt::format("{}: byte 0x{:02x} is not text; expected a YAML file in UTF-8",
                            where(place(source.name, source.text, *offset)),
                            static_cast<unsigned char>(source.text[*offset])));
  }
  std::vector<YAML::Node> documents;
  try {
    documents = YAML::LoadAll(source.text);
  } catch (const YAML::Exception& error) {
    throw Error(where(place(source.name, error.mark)) + ": not valid YAML: " + error.msg);
  } catch (const std::exception& error) {
    throw Error(where(source.name + ":1:1") + ": not valid YAML: " + error.what());
  }
  if (documents.empty()) throw Error(where(source.name + ":1:1") + ": is empty, expected a YAML map");
  if (documents.size() > 1) {
    throw Error(where(place(source.name, documents[1].Mark())) + ": a second document ('---'); expected one");
  }
  return value(source, documents.front(), path, 0);
}

Data::Pointer Reader::value(const Source& source, const YAML::Node& node, const std::string& path, int depth) {
  auto data = std::make_shared<Data>();
  data->path = path;
  data->where = source.where.empty() ? place(source.name, node.Mark()) : source.where;
  data->key_where = data->where;
  data->folder = source.folder;
  if (depth > deepest) throw Error(data->where + ": nested more than 64 deep");
  if (++values_ > most_values) throw Error(data->where + ": more than 100,000 values; is an alias repeated?");
  if (node.IsScalar()) {
    data->kind = Kind::scalar;
    data->text = node.Scalar();
  } else if (node.IsSequence()) {
    data->kind = Kind::list;
    for (const auto& item : node) {
      data->items.push_back(value(source, item, join(path, std::to_string(data->items.size())), depth + 1));
    }
  } else if (node.IsMap()) {
    data->kind = Kind::map;
    members(source, node, *data, depth);
    return extended(data);
  }
  return data;
}

void Reader::members(const Source& source, const YAML::Node& node, Data& data, int depth) {
  for (const auto& entry : node) {
    const std::string key_where = source.where.empty() ? place(source.name, entry.first.Mark()) : source.where;
    const std::string prefix = key_where + ": " + (data.path.empty() ? "" : data.path + ": ");
    if (!entry.first.IsScalar() || entry.first.Scalar().empty()) throw Error(prefix + "a key must be a word");
    const std::string& key = entry.first.Scalar();
    if (key.size() > longest_key || key.find_first_of("\r\n\t") != std::string::npos) {
      throw Error(prefix + in_quotes(key) + ": a key must be a word");
    }
    if (const auto first = data.member(key)) {
      throw Error(fmt::format("{}: {}: duplicate key; it stands at {} already", key_where, join(data.path, key),
                              first->key_where));
    }
    auto member = value(source, entry.second, join(data.path, key), depth + 1);
    member->key_where = key_where;
    // An empty value has no place of its own.
    if (member->kind == Kind::nothing || entry.second.Mark().is_null()) member->where = key_where;
    data.members.emplace_back(key, std::move(member));
  }
}

Data::Pointer Reader::base(const Data::Pointer& name, const std::string& path,
                           const std::vector<std::string>& folders) {
  const Node reference(name);
  fs::path base_file;
  try {
    base_file = resolve(reference.text(), name->folder, folders);
    std::error_code missing;
    if (!fs::exists(base_file, missing)) throw Error(display_name(base_file) + ": no such file");
  } catch (const Error& error) {
    const std::string message = error.what();
    if (message.starts_with(name->where)) throw;
    reference.fail(message);
  }
  const fs::path canonical = fs::weakly_canonical(base_file);
  if (const auto first = std::find(open_.begin(), open_.end(), canonical); first != open_.end()) {
    std::string chain;
    for (auto file = first; file != open_.end(); ++file) chain += display_name(*file) + " -> ";
    reference.fail("a cycle: " + chain + display_name(canonical));
  }
  auto map = file(base_file, path);
  if (map->kind != Kind::map) throw Error(map->where + ": expected a map, found " + map->description());
  return map;
}

Data::Pointer Reader::extended(const Data::Pointer& data) {
  const auto name = data->member("extends");
  if (!name) return data;
  auto result = base(name, data->path, {});
  data->erase("extends");
  merge(*result, data->members);
  result->where = data->where;
  result->key_where = data->key_where;
  return result;
}

void Reader::complete(Data& data) {
  const std::string key = data.path.substr(data.path.rfind('.') + 1);
  // The root has no key, and an item of a list (an experiment's device) has a number.
  if (key.empty() || key.find_first_not_of("0123456789") == std::string::npos) return;
  while (const auto name = data.member("preset")) {
    if (std::count(data.path.begin(), data.path.end(), '.') > deepest) Node(name).fail("nested more than 64 deep");
    const auto below = base(name, data.path, {key});
    open_.push_back(fs::weakly_canonical(below->sources.front()));
    data.erase("preset");
    merge(*below, data.members);
    data.members = std::move(below->members);
    data.sources.insert(data.sources.end(), below->sources.begin(), below->sources.end());
  }
}

}  // namespace

Data::Pointer read_document(const Source& source, const std::string& path) {
  return Reader().document(source, path);
}
Data::Pointer read_file(const fs::path& file) {
  return Reader().file(file, "");
}
void Data::complete() {
  if (kind == Kind::map && member("preset")) Reader().complete(*this);
}

}  // namespace triad::config
