#include "sim/cli/command.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "sim/experiment/output.hpp"

namespace triad::cli {

namespace {

/// What is wrong with a number of cycles; empty when nothing is.
std::string whole_number(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{} && end == text.data() + text.size() && value >= 1) return {};
  return fmt::format("expected a whole number of at least 1, found '{}'", text);
}

}  // namespace

void RunFlags::add_to(CLI::App& command) {
  command.add_option("--set", set, "Change a parameter, e.g. device.mxu.rows=64")
      ->type_name("PATH=VALUE")
      ->take_all()
      ->allow_extra_args(false);
  command.add_option("--out", out, "Write result.json and weights.npz there")->type_name("DIR");
  command.add_option("--format", format, "Print as table, json or csv")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"table", "json", "csv"}));
  command.add_flag("--check", check, "Compare with the host, detect hazards");
  command.add_option("--max-cycles", max_cycles, "Stop a run after N cycles (status 1)")
      ->type_name("N")
      ->check(CLI::Validator(whole_number, "", "whole number"));
  command.add_flag("-v,--verbose", verbose, "Every unit's cycles and actions, every op");
}

experiment::Options RunFlags::options() const {
  if (!out.empty()) experiment::check_output(out);
  return {set, check, max_cycles, ::isatty(STDERR_FILENO) == 1};
}

void deliver(const RunFlags& flags, const report::Report& report,
             const std::function<std::string(const report::TableOptions&)>& table) {
  if (!flags.out.empty()) experiment::write_output(report, flags.out);
  if (flags.format == "json") {
    print(report::json(report));
  } else if (flags.format == "csv") {
    print(report::csv(report));
  } else {
    print(table({terminal_width(), flags.verbose}));
  }
}

void print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw device::Fault(fmt::format("cannot write the result to standard output: {}", std::strerror(errno)));
  }
}

int terminal_width() {
  winsize size{};
  constexpr int usual = 80, least = 40;
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char* set = ::isatty(STDOUT_FILENO) == 1 ? nullptr : std::getenv("COLUMNS");
  if (set == nullptr) return usual;
  const std::string_view text = set;
  int columns = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), columns);
  return error == std::errc{} && end == text.data() + text.size() && columns >= least ? columns : usual;
}

}  // namespace triad::cli
