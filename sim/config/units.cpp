#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <stdexcept>

#include "sim/config/data.hpp"

namespace triad::config {

namespace {

struct Unit {
  const char* name;
  double factor;
};

struct Scale {
  const char* what;
  const char* example;
  std::vector<Unit> units;
};

// Powers of ten are SI; KiB, MiB, GiB, TiB are powers of two (IEC 80000-13).
const std::vector<Unit> byte_units = {{"B", 1},           {"kB", 1e3},           {"MB", 1e6},
                                      {"GB", 1e9},        {"TB", 1e12},          {"KiB", 1024.0},
                                      {"MiB", 1048576.0}, {"GiB", 1073741824.0}, {"TiB", 0x1p40}};

const Scale& scale_of(Quantity quantity) {
  static const Scale frequency{"a frequency", "940 MHz", {{"Hz", 1}, {"kHz", 1e3}, {"MHz", 1e6}, {"GHz", 1e9}}};
  static const Scale bytes{"a size", "16 MiB", byte_units};
  static const Scale bandwidth{"a bandwidth", "34 GB/s", [] {
                                 static std::vector<std::string> names;
                                 names.reserve(byte_units.size());
                                 std::vector<Unit> units;
                                 for (const Unit& unit : byte_units) {
                                   names.push_back(std::string(unit.name) + "/s");
                                   units.push_back({names.back().c_str(), unit.factor});
                                 }
                                 return units;
                               }()};
  static const Scale time{
      "a time",
      "2.5 us",
      {{"s", 1}, {"ms", 1e-3}, {"us", 1e-6}, {"µs", 1e-6}, {"ns", 1e-9}, {"ps", 1e-12}, {"fs", 1e-15}}};
  static const Scale power{
      "a power",
      "75 W",
      {{"W", 1}, {"kW", 1e3}, {"mW", 1e-3}, {"uW", 1e-6}, {"µW", 1e-6}, {"nW", 1e-9}, {"pW", 1e-12}}};
  static const Scale energy{"an energy",
                            "0.21 pJ",
                            {{"J", 1},
                             {"kJ", 1e3},
                             {"mJ", 1e-3},
                             {"uJ", 1e-6},
                             {"µJ", 1e-6},
                             {"nJ", 1e-9},
                             {"pJ", 1e-12},
                             {"fJ", 1e-15},
                             {"aJ", 1e-18}}};
  switch (quantity) {
    case Quantity::frequency:
      return frequency;
    case Quantity::bytes:
      return bytes;
    case Quantity::bandwidth:
      return bandwidth;
    case Quantity::time:
      return time;
    case Quantity::power:
      return power;
    case Quantity::energy:
      return energy;
  }
  throw std::logic_error("no such quantity");
}

std::string unit_names(const Scale& scale) {
  std::vector<std::string> names;
  for (const Unit& unit : scale.units) names.emplace_back(unit.name);
  return list(names);
}

}  // namespace

double parse_quantity(const std::string& text, Quantity quantity) {
  const Scale& scale = scale_of(quantity);
  const std::string wanted = fmt::format("expected {} such as {}", scale.what, scale.example);
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || !std::isfinite(value)) {
    throw std::invalid_argument(fmt::format("{}, found {}", wanted, in_quotes(text)));
  }
  const char* begin = rest;
  while (begin != end && *begin == ' ') ++begin;
  const std::string name(begin, end);
  if (name.empty()) throw std::invalid_argument(fmt::format("{}, found {} without a unit", wanted, in_quotes(text)));
  for (const Unit& unit : scale.units) {
    if (name != unit.name) continue;
    if (value <= 0) throw std::invalid_argument(fmt::format("must be more than zero, found {}", in_quotes(text)));
    // A negative power of ten is not exact in binary: dividing by its inverse, which is, gives the nearest double.
    const double result = unit.factor < 1 ? value / std::round(1 / unit.factor) : value * unit.factor;
    if (!std::isfinite(result)) throw std::invalid_argument(fmt::format("too large: {}", in_quotes(text)));
    if (quantity == Quantity::bytes && result != std::floor(result)) {
      throw std::invalid_argument(fmt::format("must be a whole number of bytes, found {}", in_quotes(text)));
    }
    return result;
  }
  throw std::invalid_argument(
      fmt::format("{}, found {}: {} is none of {}", wanted, in_quotes(text), in_quotes(name), unit_names(scale)));
}

}  // namespace triad::config
