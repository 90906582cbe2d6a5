#include "models/memory/dram/data_bus.hpp"

#include <stdexcept>

namespace triad::memory::dram {

void DataBus::account(Cycle until, Cycle latency, const Reasons& reasons) {
  const auto blame = [&](Cycle reason, std::uint64_t& cycles) {
    const Cycle to = std::min(reason + latency, until);
    if (to <= end_) return;
    cycles += to - end_;
    end_ = to;
  };
  blame(reasons.idle, statistics.idle);
  blame(reasons.refreshing, statistics.refreshing);
  blame(reasons.row, statistics.row);
  blame(reasons.turnaround, statistics.turnaround);
  blame(reasons.bank_group, statistics.bank_group);
  blame(until, statistics.command);
}

void DataBus::burst(Cycle at, Cycle latency, bool write, activity::Tag tag, const Reasons& reasons,
                    std::vector<Transfer>& transfers) {
  const Cycle begin = at + latency;
  if (begin < end_) throw std::logic_error("two bursts on a DRAM data bus at once");
  const bool goes_on = begin == end_ && transfer_.columns != 0 && transfer_.write == write &&
                       transfer_.tag.op == tag.op && transfer_.tag.step == tag.step;
  if (!goes_on) {
    if (transfer_.columns != 0) transfers.push_back(transfer_);
    transfer_ = {.from = begin, .to = begin, .columns = 0, .write = write, .tag = tag};
    if (begin > end_) account(begin, latency, reasons);
  }
  more(1);
}

void DataBus::more(std::uint32_t columns) {
  const Cycle cycles = columns * burst_;
  end_ += cycles;
  transfer_.to = end_;
  transfer_.columns += columns;
  (transfer_.write ? statistics.writes : statistics.reads) += columns;
  (transfer_.write ? statistics.writing : statistics.reading) += cycles;
}

void DataBus::settle(Cycle begin, std::vector<Transfer>& transfers) {
  if (transfer_.columns == 0 || transfer_.to >= begin) return;
  transfers.push_back(transfer_);
  transfer_.columns = 0;
}

}  // namespace triad::memory::dram
