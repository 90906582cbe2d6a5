#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iostream>

#include "sim/cli/command.hpp"
#include "sim/experiment/staging.hpp"
#include "sim/report/memory_report.hpp"
#include "sim/report/text.hpp"

namespace triad::cli {

namespace fs = std::filesystem;

bool is_memory(const fs::path& file) {
  const config::Node node = config::load(file);
  for (const fs::path& source : node.sources()) {
    if (source.parent_path().filename() == "memory") return true;
  }
  return node.find("organization").has_value();
}

NamedMemory make_memory(const device::Registry& registry, const fs::path& file, const std::vector<std::string>& set) {
  std::vector<std::string> overrides;
  constexpr std::string_view scope = "memory.";
  for (const std::string& text : set) {
    if (!text.starts_with(scope)) {
      throw config::Error(
          fmt::format("--set {}: expected memory.KEY=VALUE, such as memory.scheduler.page=closed", text));
    }
    overrides.push_back(text.substr(scope.size()));
  }
  const config::Node node = config::load(file, overrides, "memory");
  if (!is_memory(file)) node.fail("is no memory: expected a preset of memory, or a file that extends one");
  auto memory = registry.memory(node);
  return {file.stem().string(), node, config::digest(node), std::move(memory)};
}

namespace {

struct Arguments {
  std::string memory, pattern, ratio = "1:0", trace, requests_out, commands_out, format = "table";
  std::uint64_t requests = 0, stride = 8192, outstanding = 0, interval = 0;
  device::Traffic traffic;
  std::vector<std::string> set;
};

/// "2:1"; what is wrong with it, or empty.
std::string read_ratio(const std::string& text, device::Traffic& traffic) {
  const char* const end = text.data() + text.size();
  const auto [colon, first] = std::from_chars(text.data(), end, traffic.reads);
  const std::string message = fmt::format("expected reads to writes, such as 2:1, 1:0 or 0:1, found '{}'", text);
  if (first != std::errc{} || colon == end || *colon != ':') return message;
  const auto [rest, second] = std::from_chars(colon + 1, end, traffic.writes);
  if (second != std::errc{} || rest != end) return message;
  constexpr std::uint32_t most = 1'000'000;
  if (traffic.reads + traffic.writes == 0 || traffic.reads > most || traffic.writes > most) {
    return fmt::format("expected numbers up to 1,000,000, one of them not 0, found '{}'", text);
  }
  return {};
}

/// Where an output of that name goes.
fs::path place_of(const std::string& name) {
  return fs::absolute(name).lexically_normal();
}

/// An output file under a temporary name until all is done. A link, a device or a pipe stays what it is: what is
/// written goes through it.
class Output {
 public:
  Output(experiment::Staging& staging, const char* option, const std::string& name) : option_(option), name_(name) {
    if (name.empty()) return;
    const fs::path file = place_of(name);
    std::error_code ignored;
    const fs::file_type there = fs::symlink_status(file, ignored).type();
    const bool plain = there == fs::file_type::regular || there == fs::file_type::not_found;
    errno = 0;
    stream_.open(plain ? staging.stage(file) : file, std::ios::binary);
    if (!stream_) fail();
  }
  std::ostream* stream() { return name_.empty() ? nullptr : &stream_; }
  void close() {
    if (name_.empty()) return;
    stream_.close();
    if (!stream_) fail();
  }

 private:
  [[noreturn]] void fail() const {
    throw config::Error(fmt::format("{} {}: cannot be written: {}", option_, name_, std::strerror(errno)));
  }
  std::string option_, name_;
  std::ofstream stream_;
};

/// A line on a terminal that says how far it is, once it has taken a second.
class Progress {
 public:
  ~Progress() {
    if (shown_) fmt::print(stderr, "\r\033[K");
  }
  void operator()(std::uint64_t served) {
    if (!wanted_) return;
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < std::chrono::seconds(1)) return;
    last_ = now;
    shown_ = true;
    fmt::print(stderr, "\r\033[K{} requests, {:.0f} s", report::grouped(served),
               std::chrono::duration<double>(now - begin_).count());
  }

 private:
  bool wanted_ = ::isatty(STDERR_FILENO) == 1, shown_ = false;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now(), last_ = begin_;
};

void open_trace(const std::string& name, std::ifstream& file, device::Traffic& traffic) {
  if (name.empty()) return;
  if (name == "-") {
    traffic.trace = &std::cin;
    traffic.trace_name = "<standard input>";
    return;
  }
  std::error_code ignored;
  errno = 0;
  file.open(name, std::ios::binary);
  if (!file || fs::is_directory(name, ignored)) {
    throw config::Error(fmt::format("--trace {}: {}", name, file ? "is a folder" : std::strerror(errno)));
  }
  traffic.trace = &file;
  traffic.trace_name = name;
}

void run(const device::Registry& registry, Arguments arguments) {
  const fs::path config = config::resolve(arguments.memory, fs::current_path(), {"memory"});
  const NamedMemory named = make_memory(registry, config, arguments.set);
  device::Traffic& traffic = arguments.traffic;
  std::ifstream trace;
  open_trace(arguments.trace, trace, traffic);
  if (!arguments.requests_out.empty() && !arguments.commands_out.empty() &&
      place_of(arguments.requests_out) == place_of(arguments.commands_out)) {
    throw config::Error(fmt::format("--write-trace and --commands name one file, {}", arguments.requests_out));
  }
  experiment::Staging staging;
  Output requests(staging, "--write-trace", arguments.requests_out);
  Output commands(staging, "--commands", arguments.commands_out);
  traffic.requests_out = requests.stream();
  traffic.commands_out = commands.stream();
  report::MemoryReport report{named.name, named.digest, traffic, {}};
  {
    Progress progress;
    traffic.progress = std::ref(progress);
    report.result = named.memory->run(traffic);
  }
  requests.close();
  commands.close();
  try {
    staging.commit();
  } catch (const fs::filesystem_error& error) {
    throw config::Error(fmt::format("cannot be written: {}", error.what()));
  }
  print(arguments.format == "json"  ? report::memory_json(report)
        : arguments.format == "csv" ? report::memory_csv(report)
                                    : report::memory_table(report, terminal_width()));
}

/// A whole number from `least` on, as an option takes it.
CLI::Validator from(std::uint64_t least) {
  return {[least](const std::string& text) -> std::string {
            std::uint64_t value = 0;
            const char* const end = text.data() + text.size();
            const auto [rest, error] = std::from_chars(text.data(), end, value);
            if (error == std::errc{} && rest == end && value >= least) return {};
            return fmt::format("expected a whole number of at least {}, found '{}'", least, text);
          },
          ""};
}

/// "8 KiB", "8kb" or a plain number of bytes as a number of bytes.
CLI::Validator size() {
  // In the help SIZE says it.
  return {[](std::string& text) -> std::string {
            const std::string given = text;
            try {
              if (CLI::AsSizeValue(true)(text).empty()) return {};
            } catch (const CLI::Error&) {  // its words are for programmers
            }
            return fmt::format("expected a size such as 64, 8 KiB or 1 MB, found '{}'", given);
          },
          ""};
}

}  // namespace

void add_memory(CLI::App& app, const device::Registry& registry, Action& action) {
  using device::Traffic;
  auto arguments = std::make_shared<Arguments>();
  Traffic& traffic = arguments->traffic;
  CLI::App* command = app.add_subcommand("memory", "Drive a memory without a machine");
  command->add_option("MEMORY", arguments->memory, "A preset of memory or a .yaml file")->required();
  CLI::Option* pattern = command->add_option("--pattern", arguments->pattern, "sequential (usual), random or strided")
                             ->type_name("PATTERN")
                             ->check(CLI::IsMember({"sequential", "random", "strided"}));
  CLI::Option* stride = command->add_option("--stride", arguments->stride, "From one request to the next: 8 KiB")
                            ->type_name("SIZE")
                            ->transform(size())
                            ->check(from(1));
  CLI::Option* ratio = command->add_option("--rw-ratio", arguments->ratio, "Reads to writes: 1:0, 2:1, 0:1")
                           ->type_name("R:W")
                           ->check(CLI::Validator(
                               [](const std::string& text) {
                                 Traffic scratch;
                                 return read_ratio(text, scratch);
                               },
                               ""));
  CLI::Option* requests = command->add_option("--requests", arguments->requests, "How many: 1000000; all of a trace")
                              ->type_name("N")
                              ->check(from(1));
  command->add_option("--bytes", traffic.bytes, "Of a request: 64")
      ->type_name("SIZE")
      ->transform(size())
      ->check(from(1));
  CLI::Option* outstanding =
      command->add_option("--outstanding", arguments->outstanding, "In flight at most; else what the queues take")
          ->type_name("N")
          ->check(from(1));
  CLI::Option* interval = command->add_option("--interval", arguments->interval, "Cycles from request to request")
                              ->type_name("N")
                              ->check(from(1));
  CLI::Option* seed =
      command->add_option("--seed", traffic.seed, "Of the pattern's random numbers: 1")->type_name("N")->check(from(0));
  CLI::Option* trace =
      command->add_option("--trace", arguments->trace, "Requests from a file; - is standard input")->type_name("FILE");
  for (CLI::Option* option : {pattern, stride, ratio, seed}) trace->excludes(option);
  command->add_flag("--wrap", traffic.wrap, "Fold a trace's addresses into the memory")->needs(trace);
  command->add_option("--write-trace", arguments->requests_out, "Write the requests as a trace")->type_name("FILE");
  command->add_option("--commands", arguments->commands_out, "Write every DRAM command, as CSV")->type_name("FILE");
  command->add_flag("--check", traffic.check, "Hold every command to the standard's timing");
  command->add_option("--set", arguments->set, "Change a parameter, e.g. memory.timing.tRC=80")
      ->type_name("PATH=VALUE")
      ->take_all()
      ->allow_extra_args(false);
  command->add_option("--format", arguments->format, "Print as table, json or csv")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"table", "json", "csv"}));
  command->footer(
      "Examples:\n"
      "  triad memory ddr4-3200 --pattern random\n"
      "  triad memory hbm2 --pattern strided --stride 4KiB --rw-ratio 2:1\n"
      "  triad memory ddr4-3200 --pattern random --outstanding 1     latency, unloaded\n"
      "  triad memory ddr4-3200 --trace requests.txt --commands commands.csv\n\n"
      "A line of a trace is `ADDRESS R|W [CYCLE]`; the traces of Ramulator, DRAMsim3 and DRAMSys\n"
      "are read as they are. Latency runs from when a queue takes a request (or, with --interval,\n"
      "--outstanding or cycles in the trace, from when it is sent) to its last byte, without the\n"
      "device's path to the memory and back (memory.latency). A write ends in the write queue.");
  command->callback([=, &registry, &action] {
    if (*stride && arguments->pattern != "strided") {
      throw CLI::ValidationError("--stride", "is for --pattern strided");
    }
    Traffic& wanted = arguments->traffic;
    read_ratio(arguments->ratio, wanted);
    wanted.stride = arguments->stride;
    if (arguments->pattern == "random") wanted.pattern = Traffic::Pattern::random;
    if (arguments->pattern == "strided") wanted.pattern = Traffic::Pattern::strided;
    if (*requests) wanted.requests = arguments->requests;
    if (*outstanding) wanted.outstanding = arguments->outstanding;
    if (*interval) wanted.interval = arguments->interval;
    action = [=, &registry] { run(registry, *arguments); };
  });
}

}  // namespace triad::cli
