#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// YAML with units, inheritance and overrides. Every error names file:line:column, what was found and what would be
/// right.
namespace triad::config {

/// The input is at fault (exit status 2). what() is the whole message: "file.yaml:3:5: mxu.rowz: unknown key; did you
/// mean rows?"
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A key that nobody reads: a typo, or an override that this device does not have.
struct UnknownKey : Error {
  UnknownKey(std::string where, const std::string& message) : Error(where + ": " + message), where(std::move(where)) {}
  std::string where;  ///< the place of the key: "file.yaml:3:5" or "--set device.mxu.rowz=8"
};

/// What a quantity measures; each is delivered in its base unit.
enum class Quantity {
  frequency,  ///< "940 MHz" -> Hz
  bytes,      ///< "16 MiB", "64 KiB", "512 B" (also kB, MB, GB, powers of ten) -> bytes
  bandwidth,  ///< "34 GB/s", "1.5 TB/s" -> bytes per second
  time,       ///< "2.5 us", "300 ns" -> seconds
  power,      ///< "75 W", "300 mW" -> watts
  energy,     ///< "0.21 pJ", "1.2 nJ" -> joules
};

/// One value of a configuration, with the place it came from. A Node remembers which of its keys were read:
/// `reject_unread()` turns the others into errors, so a typo can never be ignored.
///
///     void read(const config::Node& node) {
///       rows = node.at("mxu").at("rows").integer(1, 1024);       // required, with bounds
///       clock_hz = node.at("clock").quantity(Quantity::frequency);
///       if (auto stalls = node.find("stalls")) ...               // optional
///     }
class Node {
 public:
  bool is_map() const;
  bool is_list() const;
  /// The value under a key. Throws Error "missing key" naming the map's place and the keys it has.
  Node at(std::string_view key) const;
  /// The value under a key, or nothing.
  std::optional<Node> find(std::string_view key) const;
  /// The items of a list. Throws Error when it is none.
  std::vector<Node> items() const;
  /// The keys of a map, in the order of the file.
  std::vector<std::string> keys() const;

  std::int64_t integer(std::int64_t least, std::int64_t most) const;
  double number(double least, double most) const;
  bool boolean() const;
  std::string text() const;
  /// One of the given words; anything else is an error that lists them and names the nearest.
  std::string choice(const std::vector<std::string>& words) const;
  /// A positive value with a unit of this quantity, in base units. A plain number or another unit is an error.
  double quantity(Quantity quantity) const;

  /// "mxu.rows": the path from the root of its document.
  std::string path() const;
  /// "configs/tpu/tpu-v3.yaml:12:9", or "--set device.mxu.rows=0" for an override.
  std::string where() const;
  /// The folder of the file that this value was written in (of an override: the current one): what a file name is
  /// relative to.
  std::filesystem::path folder() const;
  /// The files that this map was merged from: the one that builds on another first. Empty for text and for values
  /// inside a file.
  std::vector<std::filesystem::path> sources() const;
  /// Throws Error about this value: "WHERE: PATH: message".
  [[noreturn]] void fail(const std::string& message) const;

  /// Throws Error about the first key below this node (in file order) that nobody has read, with the nearest key that
  /// was asked for.
  void reject_unread() const;

  struct Data;  ///< in node.cpp
  explicit Node(std::shared_ptr<Data> data) : data_(std::move(data)) {}

  friend void apply(const Node& node, const struct Override& override_);
  friend void apply(const Node& node, const std::string& path, const Node& value);
  friend std::string digest(const Node& node);
  friend Node substituted(const Node& node, const std::map<std::string, Node>& parameters, bool repeated, bool root);
  friend void mark_read(const Node& node);
  friend Node number_node(const Node& place, std::int64_t value);

 private:
  std::shared_ptr<Data> data_;
};

/// Reads a YAML file, merges what it `extends:` (a preset name or a file, its keys win), then applies overrides.
/// Any map in the file may extend another file: `extends: ../mine.yaml`. Maps are merged, lists and values replaced.
/// `preset: NAME` in a map under a key is the same for the presets of that key, `memory: {preset: hbm2, channels: 8}`
/// for configs/memory/hbm2.yaml, but merged after the overrides: `memory.preset=ideal` takes all that came from hbm2
/// away, and keeps what is written beside it. Duplicate keys, cyclic `extends`, syntax errors, a missing or binary file
/// are errors. `overrides` are "path=value" as typed after --set, without the leading `scope` and its dot, which errors
/// put back
/// ("--set device.mxu.rows=0"); the value is YAML; an unknown path is an error when read.
Node load(const std::filesystem::path& file, const std::vector<std::string>& overrides = {},
          const std::string& scope = "device");
/// The same from text (tests).
Node parse(const std::string& text, const std::string& name = "<text>", const std::vector<std::string>& overrides = {},
           const std::string& scope = "device");

/// One value put in place of another after loading.
struct Override {
  std::string path;   ///< "mxu.rows", "layers.0.out_features"
  std::string value;  ///< YAML text: "128", "{preset: hbm3}"
  std::string where;  ///< what errors name: "--set device.mxu.rows=128"
};
/// "mxu.rows=128" as typed after `--set SCOPE.`; throws Error when there is no "=".
Override parse_override(const std::string& text, const std::string& scope);
/// Puts the value at its path below `node`, which is changed; a key that is not there is added (reject_unread finds
/// it). Throws UnknownKey when the path leads through a value that has no keys.
void apply(const Node& node, const Override& override_);
/// The same with a value taken from another document, whose places errors name.
void apply(const Node& node, const std::string& path, const Node& value);

/// A name that ends in .yaml is a file, relative to `base`; any other ("tpu/tpu-v3", "workloads/linear") is a preset
/// under configs/. A preset in one of `folders` ("workloads") is also found without its folder ("linear"). Throws Error
/// with the nearest existing name.
std::filesystem::path resolve(const std::string& name, const std::filesystem::path& base,
                              const std::vector<std::string>& folders = {});
/// Where the presets lie: the `configs` folder of the source tree, or $TRIAD_CONFIGS.
std::filesystem::path presets();
/// The names of all presets below one folder of configs/ ("tpu" -> "tpu/tpu-v2", "tpu/tpu-v3"), sorted; "" for all.
std::vector<std::string> preset_names(const std::string& folder = "");

/// Content hash over the merged values of the node, 16 hex digits; equal for equal configurations wherever their files
/// lie.
std::string digest(const Node& node);

/// Values by name, to stand where a text says $name.
using Parameters = std::map<std::string, Node>;
/// A copy of the node, read by nobody yet, in which every "$name" is the parameter of that name and every text with a
/// `$` in it ("$width * 4") the whole number that it comes to. Throws Error about a name that is no parameter. Within a
/// map below it that has the key `repeat`, $index stays: it is the number of that repetition.
Node substituted(const Node& node, const Parameters& parameters);
/// Counts the node and all below it as read: what is read is a copy of it.
void mark_read(const Node& node);
/// A whole number that stands in the place of `place`.
Node number_node(const Node& place, std::int64_t value);

/// The candidate nearest to `word` by edit distance, or empty when none is near.
std::string nearest(const std::string& word, const std::vector<std::string>& candidates);

}  // namespace triad::config
