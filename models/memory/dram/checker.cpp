#include "models/memory/dram/checker.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/device/device.hpp"

namespace triad::memory::dram {
namespace {

bool is_read(Command c) {
  return c == Command::read || c == Command::read_precharge;
}
bool is_write(Command c) {
  return c == Command::write || c == Command::write_precharge;
}
bool is_column(Command c) {
  return is_read(c) || is_write(c);
}
bool of_rank(Command c) {
  return c == Command::precharge_all || c == Command::refresh_all;
}
/// Opens a row inside, so it counts in the window of tFAW: JESD209-4 (LPDDR4), "no more than 4 banks may be activated
/// (or refreshed, in the case of REFpb) in a rolling tFAW window".
bool opens(Command c) {
  return c == Command::activate || c == Command::refresh_bank;
}
std::string name(const Issued& i) {
  if (of_rank(i.command)) return fmt::format("{} of the rank of bank {}", to_string(i.command), i.bank);
  if (is_column(i.command))
    return fmt::format("{} bank {} row {} column {}", to_string(i.command), i.bank, i.row, i.column);
  if (i.command == Command::activate) return fmt::format("{} bank {} row {}", to_string(i.command), i.bank, i.row);
  return fmt::format("{} bank {}", to_string(i.command), i.bank);
}

}  // namespace

std::vector<Checker::Rule> Checker::rules(const Parameters& parameters) {
  const Timing& t = parameters.timing;
  using enum Kind;
  using enum Scope;
  std::vector<Rule> all;
  const auto rule = [&](Kind previous, Command next, Scope scope, int cycles, const char* parameter) {
    const bool possible = scope != other_rank || parameters.organization.ranks > 1;
    if (possible && cycles > 0) all.push_back({previous, next, scope, static_cast<Cycle>(cycles), parameter});
  };
  // From a write to the end of the row's restoration, and to the end of its data.
  const int write_data = t.tCWL + t.tBURST, write_recovery = write_data + t.tWR;

  rule(activate, Command::activate, bank, t.tRC, "tRC");
  rule(activate, Command::activate, group, t.tRRD_L, "tRRD_L");
  rule(activate, Command::activate, rank, t.tRRD_S, "tRRD_S");
  rule(precharge, Command::activate, bank, t.tRP, "tRP");
  rule(read_precharge, Command::activate, bank, t.tRTP + t.tRP, "tRTP + tRP");
  rule(write, Command::activate, bank, write_recovery + t.tRP, "tCWL + tBURST + tWR + tRP");  // also before an RDA
  rule(refresh_all, Command::activate, rank, t.tRFC, "tRFC");
  rule(refresh_bank, Command::activate, bank, t.tRFCpb, "tRFCpb");
  rule(refresh_bank, Command::activate, rank, t.tRREFD, "tRREFD");

  for (const Command next : {Command::precharge, Command::precharge_all}) {
    const Scope scope = next == Command::precharge ? bank : rank;
    rule(activate, next, scope, t.tRAS, "tRAS");
    rule(read, next, scope, t.tRTP, "tRTP");
    rule(write, next, scope, write_recovery, "tCWL + tBURST + tWR");
    rule(refresh_all, next, rank, t.tRFC, "tRFC");
    rule(refresh_bank, next, scope, t.tRFCpb, "tRFCpb");
  }
  for (const Command next : {Command::read, Command::read_precharge}) {
    rule(activate, next, bank, t.tRCDRD, "tRCDRD");
    rule(read, next, group, t.tCCD_L, "tCCD_L");
    rule(read, next, rank, t.tCCD_S, "tCCD_S");
    rule(read, next, other_rank, t.tBURST + t.tRTRS, "tBURST + tRTRS");
    rule(write, next, group, write_data + t.tWTR_L, "tCWL + tBURST + tWTR_L");
    rule(write, next, rank, write_data + t.tWTR_S, "tCWL + tBURST + tWTR_S");
    rule(write, next, other_rank, write_data + t.tRTRS - t.tCL, "tCWL + tBURST + tRTRS - tCL");
  }
  for (const Command next : {Command::write, Command::write_precharge}) {
    rule(activate, next, bank, t.tRCDWR, "tRCDWR");
    rule(write, next, group, t.tCCD_L, "tCCD_L");
    rule(write, next, rank, t.tCCD_S, "tCCD_S");
    rule(write, next, other_rank, t.tBURST + t.tRTRS, "tBURST + tRTRS");
    rule(read, next, rank, t.tRTW, "tRTW");
    rule(read, next, other_rank, t.tCL + t.tBURST + t.tRTRS - t.tCWL, "tCL + tBURST + tRTRS - tCWL");
  }
  for (const Command next : {Command::refresh_all, Command::refresh_bank}) {
    const Scope scope = next == Command::refresh_bank ? bank : rank;
    rule(activate, next, scope, t.tRC, "tRC");  // JESD79-4: "ACT to ACT or REF command period"
    rule(precharge, next, scope, t.tRP, "tRP");
    rule(read_precharge, next, scope, t.tRTP + t.tRP, "tRTP + tRP");
    rule(write, next, scope, write_recovery + t.tRP, "tCWL + tBURST + tWR + tRP");
    rule(refresh_all, next, rank, t.tRFC, "tRFC");
    rule(refresh_bank, next, scope, t.tRFCpb, "tRFCpb");
  }
  rule(activate, Command::refresh_bank, group, t.tRRD_L, "tRRD_L");
  rule(activate, Command::refresh_bank, rank, t.tRRD_S, "tRRD_S");
  rule(refresh_bank, Command::refresh_bank, rank, t.tRREFD, "tRREFD");
  return all;
}

Checker::Checker(const Parameters& parameters, std::string channel)
    : channel_(std::move(channel)),
      organization_(parameters.organization),
      timing_(parameters.timing),
      dual_command_(parameters.scheduler.dual_command),
      refreshes_(parameters.scheduler.refresh != RefreshPolicy::none),
      rules_(rules(parameters)) {
  for (std::size_t r = 0; r < rules_.size(); ++r) {
    by_next_[static_cast<std::size_t>(rules_[r].next)].push_back(
        {static_cast<int>(rules_[r].previous), rules_[r].scope, rules_[r].cycles, static_cast<int>(r)});
  }
  const auto banks = static_cast<std::size_t>(organization_.all_banks());
  const auto ranks = static_cast<std::size_t>(organization_.ranks);
  of_bank_.resize(banks * kinds);
  of_group_.resize(ranks * static_cast<std::size_t>(organization_.bank_groups) * kinds);
  of_rank_.resize(ranks * kinds);
  row_.assign(banks, -1);
  four_.resize(ranks);
  four_next_.resize(ranks);
  refreshed_.assign(banks, 0);
  refresh_deadline_ = most_postponed * static_cast<Cycle>(timing_.tREFI);
}

Checker::Place Checker::place(int bank) const {
  return {bank, bank / organization_.banks, bank / organization_.banks_per_rank()};
}

const Checker::Last& Checker::last(Scope scope, int kind, const Place& place) const {
  switch (scope) {
    case Scope::bank:
      return of_bank_[static_cast<std::size_t>(place.bank * kinds + kind)];
    case Scope::group:
      return of_group_[static_cast<std::size_t>(place.group * kinds + kind)];
    case Scope::rank:
      return of_rank_[static_cast<std::size_t>(place.rank * kinds + kind)];
    case Scope::other_rank:
      break;
  }
  static const Last never;
  const Last* latest = &never;
  for (int r = 0; r < organization_.ranks; ++r) {
    const Last& l = of_rank_[static_cast<std::size_t>(r * kinds + kind)];
    if (r != place.rank && l.at != none && (latest->at == none || l.at > latest->at)) latest = &l;
  }
  return *latest;
}

void Checker::fail(const Issued& issued, const std::string& what) const {
  throw device::Fault(fmt::format("{}: {} in cycle {}: {}", channel_, name(issued), issued.at, what));
}

void Checker::check_order(const Issued& issued) const {
  const auto in = [](std::int64_t value, std::int64_t bound) { return value >= 0 && value < bound; };
  if (!in(issued.bank, organization_.all_banks()))
    fail(issued, fmt::format("there are {} banks", organization_.all_banks()));
  if (of_rank(issued.command) && issued.bank % organization_.banks_per_rank() != 0)
    fail(issued, "a command to a rank names its first bank");
  if ((issued.command == Command::activate || is_column(issued.command)) && !in(issued.row, organization_.rows))
    fail(issued, fmt::format("there are {} rows", organization_.rows));
  if (is_column(issued.command) && !in(issued.column, organization_.columns))
    fail(issued, fmt::format("there are {} columns", organization_.columns));
  if (newest_.at != none && issued.at < newest_.at)
    fail(issued, fmt::format("out of order: {} bank {} came in cycle {}", to_string(newest_.command), newest_.bank,
                             newest_.at));
  const Last& before = on_bus_[dual_command_ && is_column(issued.command) ? 1 : 0];
  if (before.at == issued.at)
    fail(issued, fmt::format("command bus: {} bank {} is on it in that cycle; not before cycle {}",
                             to_string(before.command), before.bank, before.at + 1));
}

void Checker::check_timing(const Issued& issued, const Place& place) const {
  const Last* worst = nullptr;
  Cycle right = issued.at;
  int broken = -1;
  for (const Compiled& rule : by_next_[static_cast<std::size_t>(issued.command)]) {
    const Last& before = last(rule.scope, rule.kind, place);
    if (before.at != none && before.at + rule.cycles > right) {
      right = before.at + rule.cycles, broken = rule.rule, worst = &before;
    }
  }
  if (opens(issued.command)) {
    const auto r = static_cast<std::size_t>(place.rank);
    const Last& fourth = four_[r][static_cast<std::size_t>(four_next_[r])];
    if (fourth.at != none && fourth.at + static_cast<Cycle>(timing_.tFAW) > right) {
      fail(issued, fmt::format("tFAW: not before cycle {}: {} bank {} in cycle {} is the fourth last, + {}",
                               fourth.at + static_cast<Cycle>(timing_.tFAW), to_string(fourth.command), fourth.bank,
                               fourth.at, timing_.tFAW));
    }
  }
  if (worst == nullptr) return;
  const Rule& rule = rules_[static_cast<std::size_t>(broken)];
  fail(issued, fmt::format("{}: not before cycle {}: {} bank {} in cycle {} + {}", rule.parameter, right,
                           to_string(worst->command), worst->bank, worst->at, rule.cycles));
}

void Checker::check_row(const Issued& issued, const Place& place) const {
  const std::int64_t open = row_[static_cast<std::size_t>(place.bank)];
  if (is_column(issued.command)) {
    if (open < 0) fail(issued, "row: the bank is closed");
    if (open != issued.row) fail(issued, fmt::format("row: row {} is open", open));
  }
  if (opens(issued.command) && open >= 0) fail(issued, fmt::format("row: row {} is open", open));
  if (issued.command != Command::refresh_all) return;
  for (int b = place.bank; b < place.bank + organization_.banks_per_rank(); ++b) {
    if (row_[static_cast<std::size_t>(b)] >= 0)
      fail(issued, fmt::format("row: row {} of bank {} is open", row_[static_cast<std::size_t>(b)], b));
  }
}

Cycle Checker::data_begin(const Issued& issued) const {
  return issued.at + static_cast<Cycle>(is_read(issued.command) ? timing_.tCL : timing_.tCWL);
}

void Checker::check_data_bus(const Issued& issued) const {
  const Cycle begin = data_begin(issued);
  if (burst_.at == none || begin >= burst_end_) return;
  fail(issued,
       fmt::format("data bus (tBURST): not before cycle {}: {} bank {} in cycle {} has it until cycle {}",
                   issued.at + burst_end_ - begin, to_string(burst_.command), burst_.bank, burst_.at, burst_end_));
}

void Checker::check_refresh(const Issued& issued) const {
  if (issued.at <= refresh_deadline_) return;
  fail(issued, fmt::format("tREFI: bank {} has not been refreshed since cycle {}; it had to be by cycle {} ({} x {})",
                           refresh_first_, refreshed_[static_cast<std::size_t>(refresh_first_)], refresh_deadline_,
                           most_postponed, timing_.tREFI));
}

void Checker::refreshed(int first_bank, int banks, Cycle at) {
  const auto begin = refreshed_.begin() + first_bank;
  std::fill(begin, begin + banks, at);
  const auto first = std::min_element(refreshed_.begin(), refreshed_.end());
  refresh_first_ = static_cast<int>(first - refreshed_.begin());
  refresh_deadline_ = *first + most_postponed * static_cast<Cycle>(timing_.tREFI);
}

void Checker::record(Kind kind, const Issued& issued, const Place& place) {
  const auto k = static_cast<int>(kind);
  const Last now{issued.at, issued.command, issued.bank};
  of_bank_[static_cast<std::size_t>(place.bank * kinds + k)] = now;
  of_group_[static_cast<std::size_t>(place.group * kinds + k)] = now;
  of_rank_[static_cast<std::size_t>(place.rank * kinds + k)] = now;
}

void Checker::record(const Issued& issued, const Place& place) {
  std::int64_t& row = row_[static_cast<std::size_t>(place.bank)];
  const int in_rank = organization_.banks_per_rank();
  switch (issued.command) {
    case Command::activate:
      record(Kind::activate, issued, place);
      row = issued.row;
      break;
    case Command::precharge:
      record(Kind::precharge, issued, place);
      row = -1;
      break;
    case Command::precharge_all:
      for (int b = place.bank; b < place.bank + in_rank; ++b) {
        record(Kind::precharge, issued, this->place(b));
        row_[static_cast<std::size_t>(b)] = -1;
      }
      break;
    case Command::read:
      record(Kind::read, issued, place);
      break;
    case Command::read_precharge:
      record(Kind::read, issued, place);
      record(Kind::read_precharge, issued, place);
      row = -1;
      break;
    case Command::write:
      record(Kind::write, issued, place);
      break;
    case Command::write_precharge:
      record(Kind::write, issued, place);
      row = -1;
      break;
    case Command::refresh_all:
      record(Kind::refresh_all, issued, place);
      refreshed(place.bank, in_rank, issued.at);
      break;
    case Command::refresh_bank:
      record(Kind::refresh_bank, issued, place);
      refreshed(place.bank, 1, issued.at);
      break;
  }
}

void Checker::command(const Issued& issued) {
  check_order(issued);
  const Place at = place(issued.bank);
  if (refreshes_) check_refresh(issued);
  check_row(issued, at);
  check_timing(issued, at);
  const Last now{issued.at, issued.command, issued.bank};
  if (is_column(issued.command)) {
    check_data_bus(issued);
    burst_ = now;
    burst_end_ = data_begin(issued) + static_cast<Cycle>(timing_.tBURST);
  }
  if (opens(issued.command)) {
    const auto r = static_cast<std::size_t>(at.rank);
    four_[r][static_cast<std::size_t>(four_next_[r])] = now;
    four_next_[r] = (four_next_[r] + 1) % 4;
  }
  on_bus_[dual_command_ && is_column(issued.command) ? 1 : 0] = now;
  newest_ = now;
  record(issued, at);
}

}  // namespace triad::memory::dram
