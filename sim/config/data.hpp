#pragma once
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sim/config/node.hpp"

namespace triad::config {

/// A value of the merged document: what a Node points to. Internal to this folder.
struct Node::Data {
  enum class Kind { nothing, scalar, list, map };
  using Pointer = std::shared_ptr<Data>;

  Kind kind = Kind::nothing;
  std::string text;                                      ///< of a scalar
  std::vector<Pointer> items;                            ///< of a list
  std::vector<std::pair<std::string, Pointer>> members;  ///< of a map, in the order of the file

  std::string path;       ///< "mxu.rows"
  std::string where;      ///< place of the value
  std::string key_where;  ///< place of its key
  std::filesystem::path folder;
  std::vector<std::filesystem::path>
      sources;  ///< files that the map was merged from, the one that builds on another first

  bool read = false;            ///< somebody asked for this value
  std::set<std::string> asked;  ///< keys that were asked for, present or not

  Pointer member(std::string_view key) const;
  std::vector<std::string> member_names() const;
  void erase(std::string_view key);
  /// Merges the preset that the key `preset` names (`memory: {preset: hbm2}`: configs/memory/hbm2.yaml) below the keys
  /// that are written here. Whoever reads a map completes it first: so a preset is looked up when all overrides are
  /// known, and one that is replaced leaves nothing behind. In read.cpp.
  void complete();
  /// "a map", "a list", "the value 12", "nothing"
  std::string description() const;
};

/// The path of a key below a path.
std::string join(const std::string& path, const std::string& key);
/// What a file says, as it stands in a message: in quotes, on one line, not longer than a line.
std::string in_quotes(const std::string& text);
/// "a, b, c"
std::string list(const std::vector<std::string>& words);

/// Text of a YAML document, with its `extends:` merged. `path` is where the document's root stands in the whole.
struct Source {
  std::string text;
  std::string name;              ///< what errors call it
  std::filesystem::path folder;  ///< what names in it are relative to
  std::string where;             ///< not empty: the place of every value in it (an override)
};
Node::Data::Pointer read_document(const Source& source, const std::string& path);
Node::Data::Pointer read_file(const std::filesystem::path& file);

/// A value with a unit, in base units; throws std::invalid_argument with what would be right.
double parse_quantity(const std::string& text, Quantity quantity);

}  // namespace triad::config
