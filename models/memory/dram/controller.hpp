#pragma once
#include <algorithm>
#include <array>
#include <vector>

#include "models/memory/dram/banks.hpp"
#include "models/memory/dram/data_bus.hpp"
#include "models/memory/dram/queue.hpp"
#include "models/memory/dram/refresh.hpp"
#include "models/memory/dram/run.hpp"

namespace triad::memory::dram {

/// The controller of one (pseudo) channel.
///
/// Columns enter the read or the write queue in order of arrival, as soon as there is room (the first one that has no
/// room holds up those behind it; a place that is freed in a cycle can be used from the next one on). FR-FCFS: of the
/// commands that the queue's columns need next, the one that may be issued first is issued; in one cycle that of the
/// older column (and one of each kind where row and column commands have a bus each). So an activate that may come
/// every tFAW / 4 is not put off for ever by younger reads. A row stays open while columns of it are queued. Reads are
/// served until the write queue holds `write_high` columns or no read waits; then writes, until it is empty, or holds
/// `write_low` and a read waits. Rows that have been opened for the direction before are used (a column each) before
/// the first column of the new one, which opens its rows meanwhile: no row is opened in vain, and the bus turns round
/// once. A refresh that is due goes before everything: its banks get no other command.
///
/// Starvation: a run (its columns in one bank) none of which has been served for `starvation` cycles, in either queue,
/// goes first whenever it can; its bank gets no other's command, and once its row is open, no other column goes before
/// its next one. Others may use what it leaves. A write that starves begins a drain. So a queue that is full of row
/// hits delays one column by at most starvation, a precharge, an activate and what has been issued just before each of
/// the two (tFAW, a turn of the bus); and the columns that starve already.
///
/// Order: columns of one row and bank are served in order of arrival within a direction. A write enters the write queue
/// only when no read of the same column waits, and a read of a column that waits in the write queue is served from it,
/// with the latency of a row hit (tCL + tBURST from its entry) and without the data bus. So to each column reads and
/// writes take effect in order of arrival; between different columns there is no order.
///
/// Event-driven: `advance` jumps from command to command, and over the columns of a run that streams through open rows
/// at once.
class Controller {
 public:
  static constexpr Cycle never = ~Cycle{0};
  /// The longest time between two commands, and the largest `starvation`, in cycles.
  static constexpr Cycle longest_wait = 1 << 20, longest_starvation = 1 << 30;
  /// `slot`: the number of the pseudo channel in its channel. `observer` may be null.
  /// Throws std::logic_error about a number of pseudo channels that is not a power of two, more than 256 banks, and
  /// times longer than the ones above.
  Controller(const Parameters& parameters, int slot, Observer* observer);
  /// Appends columns. `arrival`: not before an earlier one's, and not before what `advance` was asked for.
  void push(const Run& run, Cycle arrival);
  /// Issues every command before `until`, lets enter what has arrived by then, and appends what was served and
  /// transferred. A transfer is told once no later burst can go on with it. In how many steps one advances changes
  /// nothing.
  void advance(Cycle until, std::vector<Served>& served, std::vector<Transfer>& transfers);
  /// Nothing that is pushed later and no command that has not been issued yet can be served (Served::last) before this
  /// cycle: when to advance again. Controller::never when nothing is queued.
  Cycle next() const;
  /// Columns pushed that have not entered a queue.
  std::uint64_t backlog() const { return backlog_columns_; }
  /// The cycle before which every command has been issued.
  Cycle now() const { return now_; }
  /// Nothing is pushed, queued or on the bus.
  bool idle() const;
  Statistics statistics() const;

 private:
  static constexpr Queue::Index none = Queue::none;
  struct Arrival {
    Run run;
    Cycle at;
  };
  enum class Class : std::uint8_t { refresh, column, row };
  /// A command that may be issued at `at`, for the strand of a queue (or for a refresh).
  struct Choice {
    Cycle at = never;
    Cycle row_at = 0;  ///< no other row command can be issued before
    Class kind = Class::row;
    Command command = Command::activate;
    bool write = false;  ///< the strand's queue
    int bank = 0;
    Queue::Index strand = none;
  };

  Queue& queue(bool write) { return write ? writes_ : reads_; }
  const Queue& queue(bool write) const { return write ? writes_ : reads_; }
  void admit();
  bool admit_column(const Run& run);
  void settle_mode();
  void find_starved();
  struct Search;
  Choice choose();
  void set_floors(bool write);
  void search_with_care(Search& search, bool write) const;
  void choose_refresh(Choice& best) const;
  Choice choose_starved() const;
  /// The first cycle from `at` on in which the command's bus is free and it is the pseudo channel's turn.
  Cycle turn(Cycle at, bool column) const { return align(std::max({at, now_, column ? column_bus_ : row_bus_})); }
  /// The pseudo channel's first turn from `at` on.
  Cycle align(Cycle at) const { return slots_ == 1 ? at : at + ((slot_ - at) & (slots_ - 1)); }
  /// Orders commands: by cycle; where row and column commands have a bus each, columns first, else by age alone.
  Cycle key(Cycle at, bool row) const { return 2 * align(at) + (row && scheduler_.dual_command ? 1 : 0); }
  Command command_of(const Queue::Bank& bank, bool write) const;
  /// The commands to the bank have changed what it needs next.
  void settle_bank(int bank) {
    settle_bank(reads_, false, bank);
    settle_bank(writes_, true, bank);
  }
  void settle_bank(Queue& queue, bool write, int bank);
  /// The row that is open in the bank, if any, has been used or closed.
  void use(int bank) {
    std::uint8_t& opened = opened_for_[static_cast<std::size_t>(bank)];
    if (opened != 0) --unused_[opened - 1];
    opened = 0;
  }
  Cycle next_event() const;
  Cycle last_read_after(Cycle command, bool forwards) const;
  void issue(const Choice& choice, Cycle stop);
  void issue_row(const Choice& choice);
  // burst.cpp: columns of one run
  struct Stream;
  bool issue_run(const Choice& choice, Cycle stop);
  bool goes_on(Stream& stream) const;
  void find_others(Stream& stream, const Choice& choice) const;
  void issue_rows(Stream& stream, const Choice& column, Cycle until, Cycle refresh_until, Cycle period);
  bool find_entering(Stream& stream, bool write) const;
  void set_pace(Queue::Entry& entry) const;
  std::uint32_t burst_columns(const Stream& stream, const Choice& choice) const;
  void enter(Stream& stream, bool write, std::uint32_t columns);
  void issue_burst(Stream& stream, const Choice& choice, std::uint32_t columns);
  bool issue_stream(Stream& stream, const Choice& choice);
  void issue_column(const Choice& choice);
  void set_open_row(int bank, std::int64_t row);
  void finish(Queue& queue, Queue::Index entry);
  void note(Cycle at, Command command, int bank, std::int64_t row, int column) {
    if (observer_ == nullptr) return;
    const Issued issued{at, command, bank, row, column};
    if (deferring_) {
      deferred_.push_back({issued, refresh_noted_});
    } else {
      observer_->command(issued);
    }
  }
  void remember(bool write, int bank, Cycle at);
  DataBus::Reasons reasons(int bank, bool write, Cycle at) const;
  int rank_of(int bank) const { return places_[static_cast<std::size_t>(bank)].rank; }
  int group_of(int bank) const { return places_[static_cast<std::size_t>(bank)].group; }
  Cycle latency(bool write) const { return static_cast<Cycle>(write ? timing_.tCWL : timing_.tCL); }

  // parameters
  Timing timing_;
  Scheduler scheduler_;
  int banks_per_rank_;
  std::size_t ranks_, groups_per_rank_;
  struct Place {
    int rank, group;
  };
  std::vector<Place> places_;  ///< of the banks; groups counted through all ranks
  Cycle slot_, slots_;
  Observer* observer_;
  /// Row commands may be issued in one go with the columns around them (burst.cpp): they have a bus of their own, and
  /// none makes a column possible before the run's next one.
  bool rows_within_;
  // state
  Cycle now_ = 0;                       ///< commands before it have been issued
  Cycle admits_from_ = 0;               ///< a place that a command has freed can be used from then on
  Cycle row_bus_ = 0, column_bus_ = 0;  ///< free from then on
  Banks banks_;
  Queue reads_, writes_;
  Refresh refresh_;
  DataBus bus_;
  /// By bank: its row has been opened for a read (1), a write (2), and not been used since. How many of either.
  std::vector<std::uint8_t> opened_for_;
  std::array<int, 2> unused_{};
  bool writing_ = false;           ///< the mode
  std::vector<Arrival> arrivals_;  ///< from `front_` on: not yet wholly in a queue
  std::size_t front_ = 0;
  std::uint32_t entering_ = 0;          ///< position of the first arrival's next column
  Queue::Index entering_entry_ = none;  ///< its entry; none: none of its columns has entered
  std::vector<Cycle> floors_;  ///< by group and kind of command: the least key that banks and buses around allow
  bool chosen_ = false;        ///< `choice_` and `event_` are those of `now_`
  Choice choice_;
  Cycle event_ = 0;  ///< something but a command happens: an arrival, a refresh falls due, a column starves
  std::uint64_t backlog_columns_ = 0, backlog_writes_ = 0;  ///< columns; runs of writes
  bool blocked_ = false;   ///< the first arrival's next column found no room (or a read of it that waits)
  Cycle starves_ = never;  ///< nothing starves before
  bool starved_write_ = false;
  Queue::Index starved_ = none;  ///< goes before all
  // for the bandwidth stack
  Cycle busy_since_ = 0;                      ///< a column has waited without a break
  std::vector<Cycle> activated_, refreshed_;  ///< by bank: its last activate; when its last refresh was over
  struct Column {
    bool any = false, write = false;
    int bank = 0;
    Cycle at = 0;
  } last_column_;
  std::vector<Cycle> group_free_;  ///< by bank group: its last column and tCCD_L
  /// Row commands of a burst, told in turn with its columns.
  struct Deferred {
    Issued issued;
    bool refresh;  ///< goes before a column of the same cycle
  };
  std::vector<Deferred> deferred_;
  bool deferring_ = false, refresh_noted_ = false;
  // of the `advance` in progress
  std::vector<Served>* served_ = nullptr;
  std::vector<Transfer>* transfers_ = nullptr;
};

}  // namespace triad::memory::dram
