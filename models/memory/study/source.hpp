#pragma once
#include <istream>
#include <memory>
#include <random>

#include "models/memory/dram/parameters.hpp"
#include "sim/device/traffic.hpp"

/// A memory alone under traffic: where requests come from, who drives them, and what it took.
namespace triad::memory::study {

using dram::Cycle;

/// A request of a pattern or a trace.
struct Access {
  std::uint64_t address = 0;
  bool write = false;
  std::optional<Cycle> cycle;  ///< not sent before
};

/// Where requests come from, one after the other.
class Source {
 public:
  virtual ~Source() = default;
  /// The next request; nothing at the end. Throws config::Error that names the place of what is wrong in a trace.
  virtual std::optional<Access> next() = 0;
};

/// Requests at addresses by a rule, over the whole capacity; whether one reads or writes is drawn at their ratio. The
/// same on every host: the generator and what is made of its numbers are fixed.
class Pattern : public Source {
 public:
  Pattern(const device::Traffic& traffic, std::uint64_t capacity);
  std::optional<Access> next() override;

 private:
  std::uint64_t below(std::uint64_t limit);

  device::Traffic::Pattern pattern_;
  std::uint64_t bytes_, stride_, capacity_, left_;
  std::uint32_t writes_, all_;
  std::optional<std::uint64_t> interval_;
  std::mt19937_64 random_;  // the standard fixes its sequence
  std::uint64_t address_ = 0;
  Cycle cycle_ = 0;
};

/// A request of a line of a trace. Blanks part the words; what it takes are the formats of other DRAM simulators:
///
///     0x12345680 R            Ramulator 1: address, then R or W; also decimal
///     0x12345680 READ 42      DRAMsim3: ... and the cycle; its P_MEM_RD, P_FETCH, P_MEM_WR and BOFF too
///     LD 0x12345680           Ramulator 2 (LoadStoreTrace): LD or ST first; also R, W, READ, WRITE
///     42: read 0x12345680     DRAMSys (STL): the cycle first
///
/// Nothing when the line is empty or a comment ("#"). Throws config::Error "NAME:LINE:COLUMN: what is wrong".
std::optional<Access> parse_line(std::string_view line, const std::string& name, std::uint64_t number);

/// The lines of a trace. Either every request has a cycle, none before that of the one above it, or none has.
class Trace : public Source {
 public:
  Trace(const device::Traffic& traffic, std::uint64_t capacity);
  std::optional<Access> next() override;

 private:
  [[noreturn]] void fail(const std::string& message) const;

  std::istream& stream_;
  std::string name_;
  std::uint64_t bytes_, capacity_, left_;
  bool wrap_;
  std::optional<std::uint64_t> interval_;
  std::uint64_t line_ = 0;   // number of the last one read
  std::uint64_t first_ = 0;  // line of the first request; 0: none yet
  bool timed_ = false;
  Cycle cycle_ = 0;
};

/// The source that the traffic asks for. Throws config::Error when a request does not fit the capacity.
std::unique_ptr<Source> make_source(const device::Traffic& traffic, std::uint64_t capacity);

/// A request as a line of a trace, as parse_line reads it.
std::string line_of(const Access& access);

}  // namespace triad::memory::study
