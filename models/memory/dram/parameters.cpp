#include "models/memory/dram/parameters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "models/kit/outcome.hpp"

namespace triad::memory::dram {
namespace {

using config::Node;
using config::Quantity;
using Kind = Field::Kind;

constexpr int most_cycles = 1'000'000;

int whole(const Node& node, std::string_view key, int least, int most) {
  return static_cast<int>(node.at(key).integer(least, most));
}
int power_of_two(const Node& node, std::string_view key, int most) {
  const int n = whole(node, key, 1, most);
  if (!std::has_single_bit(static_cast<unsigned>(n)))
    node.at(key).fail(fmt::format("must be a power of two, found {}", n));
  return n;
}
int bits_of(int power) {
  return std::bit_width(static_cast<unsigned>(power)) - 1;
}

Organization read_organization(const Node& node, int channels) {
  Organization o;
  o.channels = channels;
  if (node.find("pseudo_channels")) o.pseudo_channels = whole(node, "pseudo_channels", 1, 8);
  o.ranks = power_of_two(node, "ranks", 16);
  o.bank_groups = power_of_two(node, "bank_groups", 16);
  o.banks = power_of_two(node, "banks", 64);
  if (o.all_banks() > 256) {
    node.at("banks").fail(fmt::format("at most 256 banks in a channel, these are {} ranks x {} groups x {} banks = {}",
                                      o.ranks, o.bank_groups, o.banks, o.all_banks()));
  }
  o.rows = node.at("rows").integer(1, 1 << 24);
  o.bus_bits = power_of_two(node, "bus", 4096);
  if (o.bus_bits < 8) node.at("bus").fail(fmt::format("must be at least 8 bits, found {}", o.bus_bits));
  o.burst_length = power_of_two(node, "burst", 64);
  o.beats_per_clock = power_of_two(node, "beats_per_clock", 16);
  if (o.burst_length < o.beats_per_clock) {
    node.at("burst").fail(
        fmt::format("a burst of {} beats is shorter than a cycle ({} beats)", o.burst_length, o.beats_per_clock));
  }
  const Node row = node.at("row");
  const double columns = row.quantity(Quantity::bytes) / static_cast<double>(o.access_bytes());
  if (columns < 1 || columns > 65536 || columns != std::floor(columns) ||
      !std::has_single_bit(static_cast<unsigned>(columns))) {
    row.fail(fmt::format("must be a power of two times a burst ({} B = {} bits x {} beats)", o.access_bytes(),
                         o.bus_bits, o.burst_length));
  }
  o.columns = static_cast<int>(columns);
  return o;
}

/// The map `timing`: times and cycles, and what must not contradict what.
class TimingReader {
 public:
  TimingReader(const Node& node, std::uint64_t clock_hz) : node_(node), hz_(static_cast<double>(clock_hz)) {}

  Timing read(const Organization& o, RefreshPolicy refresh) {
    // Ask for every name first, so that what is missing is not taken for what was misspelt.
    for (const char* name : {"tCL",    "tCWL",   "tRCD", "tRCDRD", "tRCDWR", "tRP",  "tRAS",   "tRC",   "tCCD",
                             "tCCD_S", "tCCD_L", "tRRD", "tRRD_S", "tRRD_L", "tFAW", "tRTP",   "tWR",   "tWTR",
                             "tWTR_S", "tWTR_L", "tRTW", "tRTRS",  "tREFI",  "tRFC", "tRFCpb", "tRREFD"}) {
      (void)node_.find(name);
    }
    Timing t;
    t.tBURST = o.burst_length / o.beats_per_clock;
    t.tCL = cycles("tCL", 1);
    t.tCWL = cycles("tCWL", 1);
    pair("tRCD", "tRCDRD", "tRCDWR", t.tRCDRD, t.tRCDWR, 1);
    t.tRP = cycles("tRP", 1);
    t.tRAS = cycles("tRAS", 1);
    t.tRC = cycles("tRC", 1);
    pair("tCCD", "tCCD_S", "tCCD_L", t.tCCD_S, t.tCCD_L, 1);
    pair("tRRD", "tRRD_S", "tRRD_L", t.tRRD_S, t.tRRD_L, 1);
    t.tFAW = cycles("tFAW", 0);
    t.tRTP = cycles("tRTP", 1);
    t.tWR = cycles("tWR", 1);
    pair("tWTR", "tWTR_S", "tWTR_L", t.tWTR_S, t.tWTR_L, 1);
    t.tRTW = cycles("tRTW", 1);
    t.tRTRS = optional("tRTRS", o.ranks > 1, "several ranks share the data bus");
    t.tREFI = optional("tREFI", refresh != RefreshPolicy::none, "refresh is on", true);
    t.tRFC = optional("tRFC", refresh == RefreshPolicy::all_bank, "refresh is all-bank");
    t.tRFCpb = optional("tRFCpb", refresh == RefreshPolicy::per_bank, "refresh is per-bank");
    t.tRREFD = optional("tRREFD", refresh == RefreshPolicy::per_bank, "refresh is per-bank");
    reject_contradictions(t);
    reject_refresh(t, o, refresh);
    return t;
  }

 private:
  /// Exact: in cycles, before rounding.
  double exact(const Node& value) const {
    const std::string text = value.text();
    if (text.find_first_not_of("0123456789") == std::string::npos) {
      return static_cast<double>(value.integer(0, most_cycles));
    }
    if (text.find_first_not_of("0123456789.+-eE") == std::string::npos) {
      value.fail(fmt::format("expected a time (13.75 ns) or a whole number of cycles, found {}", text));
    }
    const double n = value.quantity(Quantity::time) * hz_;
    if (n > most_cycles) value.fail(fmt::format("more than {} cycles", most_cycles));
    return n;
  }
  int cycles(const char* name, int least, bool down = false) const {
    const Node value = node_.at(name);
    const double n = exact(value);
    const int rounded = static_cast<int>(down ? std::floor(n + 1e-6) : std::floor(n + 0.974));
    if (rounded < least) value.fail(fmt::format("must be at least {} cycle", least));
    return rounded;
  }
  int optional(const char* name, bool needed, const char* why, bool down = false) const {
    if (node_.find(name)) return cycles(name, needed ? 1 : 0, down);
    if (needed) node_.fail(fmt::format("{} is missing: {}", name, why));
    return 0;
  }
  /// Two of a kind, which may be given as one.
  void pair(const char* both, const char* first, const char* second, int& a, int& b, int least) const {
    if (const auto one = node_.find(both)) {
      for (const char* name : {first, second}) {
        if (node_.find(name)) one->fail(fmt::format("stands for {} and {}, but {} is given too", first, second, name));
      }
      a = b = cycles(both, least);
      return;
    }
    if (!node_.find(first) && !node_.find(second)) {
      node_.fail(fmt::format("{} is missing (or {} and {})", both, first, second));
    }
    a = cycles(first, least);
    b = cycles(second, least);
  }
  /// The place of a parameter, also where one stands for two.
  [[noreturn]] void fail(const char* name, const std::string& message) const {
    const std::string both = std::string(name).substr(0, 4);  // tRCD, tCCD, tRRD, tWTR
    if (const auto value = node_.find(name)) value->fail(message);
    node_.at(both).fail(message);
  }
  void reject_contradictions(const Timing& t) const {
    const double row_cycle = exact(node_.at("tRC")), row_open = exact(node_.at("tRAS")),
                 precharge = exact(node_.at("tRP"));
    if (row_cycle < row_open + precharge - 1e-6) {
      fail("tRC", fmt::format("is {:.4g} cycles, shorter than tRAS + tRP = {:.4g} + {:.4g} cycles", row_cycle, row_open,
                              precharge));
    }
    const auto long_not_short = [&](const char* name, int l, int s) {
      if (l < s) fail(name, fmt::format("is {} cycles in a bank group, shorter than the {} between groups", l, s));
    };
    long_not_short("tCCD_L", t.tCCD_L, t.tCCD_S);
    long_not_short("tRRD_L", t.tRRD_L, t.tRRD_S);
    long_not_short("tWTR_L", t.tWTR_L, t.tWTR_S);
    if (t.tCCD_S < t.tBURST) {
      fail("tCCD_S", fmt::format("is {} cycles, shorter than a burst on the data bus ({})", t.tCCD_S, t.tBURST));
    }
    if (t.tFAW > 0 && t.tFAW < t.tRRD_S) {
      fail("tFAW",
           fmt::format("four activates in {} cycles, but tRRD_S lets one follow another after {}", t.tFAW, t.tRRD_S));
    }
    if (t.tRTW < t.tCL + t.tBURST - t.tCWL) {
      fail("tRTW",
           fmt::format("is {} cycles: the write's data would meet the read's; at least tCL + burst - tCWL = {} + "
                       "{} - {} = {}",
                       t.tRTW, t.tCL, t.tBURST, t.tCWL, t.tCL + t.tBURST - t.tCWL));
    }
  }
  void reject_refresh(const Timing& t, const Organization& o, RefreshPolicy refresh) const {
    if (t.tRFC > 0 && t.tRFCpb > t.tRFC) {
      fail("tRFCpb",
           fmt::format("one bank's refresh is {} cycles, longer than that of all banks (tRFC: {})", t.tRFCpb, t.tRFC));
    }
    if (refresh == RefreshPolicy::all_bank && t.tRFC >= t.tREFI) {
      fail("tREFI", fmt::format("is {} cycles, no longer than a refresh (tRFC: {})", t.tREFI, t.tRFC));
    }
    if (refresh == RefreshPolicy::per_bank) {
      const int busy = std::max(t.tRFCpb, t.tRREFD * o.banks_per_rank());
      if (busy >= t.tREFI) {
        fail("tREFI", fmt::format("is {} cycles, no longer than the refreshes of {} banks (tRFCpb: {}, tRREFD: {})",
                                  t.tREFI, o.banks_per_rank(), t.tRFCpb, t.tRREFD));
      }
    }
  }

  Node node_;
  double hz_;
};

RefreshPolicy refresh_of(const std::string& word) {
  return word == "none" ? RefreshPolicy::none : word == "all-bank" ? RefreshPolicy::all_bank : RefreshPolicy::per_bank;
}

Scheduler read_scheduler(const Node& node) {
  Scheduler s;
  const auto queue = [&](const char* key, int& to, int least, int most) {
    if (node.find(key)) to = whole(node, key, least, most);
  };
  queue("read_queue", s.read_queue, 1, 4096);
  queue("write_queue", s.write_queue, 1, 4096);
  s.write_high = (4 * s.write_queue + 4) / 5;  // Ramulator 2's watermarks: 0.8 and 0.2 of the queue
  s.write_low = s.write_queue / 5;
  queue("write_high", s.write_high, 1, 4096);
  queue("write_low", s.write_low, 0, 4096);
  if (s.write_high > s.write_queue) {
    node.at(node.find("write_high") ? "write_high" : "write_queue")
        .fail(fmt::format("draining would begin at {} columns, but the write queue holds {}", s.write_high,
                          s.write_queue));
  }
  if (s.write_low >= s.write_high) {
    node.at(node.find("write_low") ? "write_low" : "write_high")
        .fail(fmt::format("draining would end at {} columns, but begin at {}: write_low must be less than write_high",
                          s.write_low, s.write_high));
  }
  if (const auto page = node.find("page")) {
    s.page = page->choice({"open", "closed"}) == "open" ? PagePolicy::open : PagePolicy::closed;
  }
  if (const auto refresh = node.find("refresh"))
    s.refresh = refresh_of(refresh->choice({"none", "all-bank", "per-bank"}));
  if (const auto starvation = node.find("starvation")) {
    s.starvation = static_cast<Cycle>(starvation->integer(1, 1'000'000'000));
  }
  if (const auto dual = node.find("dual_command")) s.dual_command = dual->boolean();
  if (const auto burst = node.find("burst")) s.burst = burst->boolean();
  return s;
}

const std::vector<std::string>& kind_names() {
  static const std::vector<std::string> names{"row", "rank", "bank_group", "bank", "column"};  // as Field::Kind
  return names;
}

Field read_field(const Node& item) {
  const std::string text = item.text();
  const std::size_t colon = text.find(':');
  const std::string word = text.substr(0, colon);
  const auto& names = kind_names();
  const auto name = std::find(names.begin(), names.end(), word);
  if (name == names.end()) {
    const std::string near = config::nearest(word, names);
    item.fail(fmt::format("{} is no field of an address: {}{}", word, fmt::join(names, ", "),
                          near.empty() ? "" : "; did you mean " + near + "?"));
  }
  Field field{static_cast<Kind>(name - names.begin())};
  if (colon == std::string::npos) return field;
  const std::string bits = text.substr(colon + 1);
  if (bits.empty() || bits.size() > 2 || bits.find_first_not_of("0123456789") != std::string::npos ||
      std::stoi(bits) == 0) {
    item.fail(fmt::format("expected a number of bits after the colon, as in column:2, found {}", text));
  }
  field.bits = std::stoi(bits);
  return field;
}

std::vector<Field> read_order(const Node& node, const Organization& o) {
  std::vector<Field> order;
  const auto items = node.items();
  const int bits[] = {0, bits_of(o.ranks), bits_of(o.bank_groups), bits_of(o.banks), bits_of(o.columns)};
  int cut[5] = {}, rest[5] = {};
  for (const Node& item : items) {
    const Field field = read_field(item);
    const auto kind = static_cast<std::size_t>(field.kind);
    const std::string& name = kind_names()[kind];
    if ((field.kind == Kind::row) != order.empty())
      item.fail("row, whole, is the first field: it takes what the others leave");
    if (field.kind == Kind::row && field.bits >= 0) item.fail("the row cannot be cut");
    if (field.bits < 0 && rest[kind]++ > 0) item.fail(fmt::format("{} is named twice without a number of bits", name));
    if (field.bits > 0) cut[kind] += field.bits;
    if (cut[kind] > bits[kind]) item.fail(fmt::format("{} has {} bits, these are {}", name, bits[kind], cut[kind]));
    order.push_back(field);
  }
  for (std::size_t kind = 0; kind < 5; ++kind) {
    if (rest[kind] == 0 && (kind == 0 || cut[kind] < bits[kind])) {
      node.fail(fmt::format("{} is missing{}", kind_names()[kind],
                            kind == 0 ? "" : fmt::format(": {} of its {} bits are named", cut[kind], bits[kind])));
    }
  }
  return order;
}

/// The upper part of the column lies above something else than its lower part.
bool column_is_cut(const std::vector<Field>& order) {
  int parts = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    parts += order[i].kind == Kind::column && order[i - 1].kind != Kind::column;  // 0 is the row
  }
  return parts > 1;
}

MappingOrder read_mapping(const Node& node, const Organization& o) {
  MappingOrder m;
  if (const auto interleave = node.find("interleave")) {
    m.interleave = static_cast<std::uint64_t>(interleave->quantity(Quantity::bytes));
  }
  const std::uint64_t channel = o.capacity() / static_cast<std::uint64_t>(o.controllers());
  const auto reject = [&](const std::string& message) {
    (node.find("interleave") ? node.at("interleave") : node).fail(message);
  };
  if (!std::has_single_bit(m.interleave)) reject(fmt::format("must be a power of two, found {} B", m.interleave));
  if (m.interleave < o.access_bytes()) {
    reject(fmt::format("an interleave of {} B is smaller than an access ({} B)", m.interleave, o.access_bytes()));
  }
  if (channel % m.interleave != 0) {
    reject(fmt::format("an interleave of {} B does not divide a channel of {} B", m.interleave, channel));
  }
  if (const auto hash = node.find("hash_channels")) m.hash_channels = hash->boolean();
  m.order = read_order(node.at("order"), o);
  if (const auto hash = node.find("xor")) {
    const std::string word = hash->choice({"none", "row", "column"});
    m.xor_banks = word == "row";
    m.xor_column = word == "column";
    if (m.xor_column && !column_is_cut(m.order)) {
      hash->fail("hashes with the upper part of a column that is cut in two, as in [row, column, bank, column:2]");
    }
  }
  return m;
}

Energy read_energy(const Node& node) {
  const auto picojoules = [&](const char* key) { return node.at(key).quantity(Quantity::energy) * 1e12; };
  return {.activate = picojoules("activate"),
          .read = picojoules("read"),
          .write = picojoules("write"),
          .refresh = picojoules("refresh"),
          .background_watts = node.at("background").quantity(Quantity::power)};
}

}  // namespace

Parameters Parameters::read(const Node& node) {
  Parameters p;
  p.clock_hz = kit::read_clock(node.at("clock"));
  p.organization = read_organization(node.at("organization"), whole(node, "channels", 1, 4096));
  if (const auto scheduler = node.find("scheduler")) p.scheduler = read_scheduler(*scheduler);
  p.timing = TimingReader(node.at("timing"), p.clock_hz).read(p.organization, p.scheduler.refresh);
  p.mapping = read_mapping(node.at("mapping"), p.organization);
  p.energy = read_energy(node.at("energy"));
  return p;
}

}  // namespace triad::memory::dram
