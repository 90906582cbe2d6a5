#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "models/memory/study/driver.hpp"

namespace triad::memory::study {

CommandLog::CommandLog(const dram::Parameters& parameters, std::ostream* out)
    : organization_(parameters.organization), out_(out) {
  if (out_ != nullptr) *out_ << "cycle,command,channel,rank,bank_group,bank,row,column\n";
}

dram::Observer* CommandLog::observer(int controller) {
  return out_ == nullptr ? nullptr : &taps_.emplace_back(entries_, controller);
}

void CommandLog::flush(Cycle before) {
  // Commands of one controller lie in order, those of several one controller after the other.
  std::ranges::stable_sort(entries_, {}, [](const Entry& entry) { return entry.issued.at; });
  auto end = entries_.begin();
  for (; end != entries_.end() && end->issued.at < before; ++end) {
    using enum dram::Command;
    const auto& [at, command, bank, row, column] = end->issued;
    const int in_rank = bank % organization_.banks_per_rank();
    const bool of_rank = command == refresh_all || command == precharge_all;
    const bool has_column =
        command == read || command == read_precharge || command == write || command == write_precharge;
    *out_ << fmt::format(
        "{},{},{},{},{},{},{},{}\n", at, dram::to_string(command), end->controller,
        bank / organization_.banks_per_rank(), of_rank ? "" : std::to_string(in_rank / organization_.banks),
        of_rank ? "" : std::to_string(in_rank % organization_.banks),
        has_column || command == activate ? std::to_string(row) : "", has_column ? std::to_string(column) : "");
  }
  entries_.erase(entries_.begin(), end);
}

}  // namespace triad::memory::study
