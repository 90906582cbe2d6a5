#include <algorithm>
#include <map>
#include <vector>

#include "models/gpu/compiler/passes.hpp"

namespace triad::gpu::compiler {
namespace {

/// Registers up to this number cost no occupancy: 65536 registers for 2048 threads.
constexpr int free_words = 32;
constexpr int free_predicates = 6;
/// How many words beyond those of the given order, at the same point, may be live to have loads under way; never more
/// than the block needs at its worst point.
constexpr int words_for_loads = 16;

/// The values of one kind (words or predicates) while a block is walked in some order. A place holds one value after
/// the other; reordering keeps that order. A value is live until its last read, or to the block's end.
class LiveValues {
 public:
  /// The block in its given order; first what an instruction reads, then what it writes.
  void read(int place) { ++places_[place].reads.back(); }
  void write(int place) { places_[place].reads.push_back(0); }
  void live_at_end(int place) { ++places_[place].reads.back(); }
  void begin() {
    for (auto& [place, values] : places_) live_ += values.is_live();
  }

  int live() const { return live_; }
  /// By how much `live` changes by an instruction that reads and writes these places.
  int change(const std::vector<int>& reads, const std::vector<int>& writes) const {
    int result = 0;
    std::map<int, int> count;
    for (const int place : reads) ++count[place];
    for (const int place : writes) count.try_emplace(place, 0);
    for (const auto& [place, n] : count) {
      const Values& values = places_.at(place);
      const bool writes_it = std::find(writes.begin(), writes.end(), place) != writes.end();
      const bool after = writes_it ? values.reads[values.current + 1] > 0 : values.reads[values.current] > n;
      result += int{after} - int{values.is_live()};
    }
    return result;
  }
  void issue(const std::vector<int>& reads, const std::vector<int>& writes) {
    live_ += change(reads, writes);
    for (const int place : reads) --places_.at(place).reads[places_.at(place).current];
    for (const int place : writes) ++places_.at(place).current;
  }

 private:
  struct Values {
    std::vector<int> reads{0};  ///< reads to come, of each value
    std::size_t current = 0;
    bool is_live() const { return reads[current] > 0; }
  };
  std::map<int, Values> places_;
  int live_ = 0;
};

/// What an instruction reads and writes. A guarded one also reads what it writes: the old value stays in some lanes.
struct Accesses {
  std::vector<int> words_read, words_written, predicates_read, predicates_written;
  explicit Accesses(const Virtual& i) {
    for_each_word_read(i, [&](int word) { words_read.push_back(word); });
    for_each_word_written(i, [&](int word) { words_written.push_back(word); });
    for_each_source_predicate(i, [&](int p) { predicates_read.push_back(p); });
    if (i.pd != none) predicates_written.push_back(i.pd);
    if (i.guard == none) return;
    words_read.insert(words_read.end(), words_written.begin(), words_written.end());
    predicates_read.insert(predicates_read.end(), predicates_written.begin(), predicates_written.end());
  }
};

/// Live words and predicates while a block is walked in some order.
struct Pressure {
  LiveValues words, predicates;

  Pressure(const Block& block, const std::vector<Accesses>& accesses, const std::vector<bool>& words_out,
           const std::vector<bool>& predicates_out) {
    for (const Accesses& a : accesses) {
      for (const int word : a.words_read) words.read(word);
      for (const int word : a.words_written) words.write(word);
      for (const int p : a.predicates_read) predicates.read(p);
      for (const int p : a.predicates_written) predicates.write(p);
    }
    for (std::size_t w = 0; w < words_out.size(); ++w)
      if (words_out[w]) words.live_at_end(static_cast<int>(w));
    for (std::size_t p = 0; p < predicates_out.size(); ++p)
      if (predicates_out[p]) predicates.live_at_end(static_cast<int>(p));
    if (block.branch_predicate != none) predicates.live_at_end(block.branch_predicate);
    words.begin();
    predicates.begin();
  }
  void issue(const Accesses& a) {
    words.issue(a.words_read, a.words_written);
    predicates.issue(a.predicates_read, a.predicates_written);
  }
};

/// Who must come after whom: edges from an instruction to later ones, with the cycles that should lie between.
struct Dependences {
  struct Edge {
    std::size_t to;
    int cycles;
  };
  std::vector<std::vector<Edge>> after;
  std::vector<int> before_count;

  Dependences(const std::vector<Virtual>& code, const std::vector<Accesses>& accesses)
      : after(code.size()), before_count(code.size(), 0) {
    // Words have their own number, predicates the negative ones.
    std::map<int, std::size_t> writer;
    std::map<int, std::vector<std::size_t>> readers;
    std::vector<std::size_t> stores[2], loads[2];  // since the last barrier: shared, global
    std::size_t barrier = none_yet;
    for (std::size_t n = 0; n < code.size(); ++n) {
      const Virtual& i = code[n];
      const auto read = [&](int place) {
        if (const auto w = writer.find(place); w != writer.end())
          add(w->second, n, expected_latency(code[w->second].base));
        readers[place].push_back(n);
      };
      const auto write = [&](int place) {
        if (const auto w = writer.find(place); w != writer.end()) add(w->second, n, 1);
        for (const std::size_t r : readers[place])
          if (r != n) add(r, n, 1);
        readers[place].clear();
        writer[place] = n;
      };
      for (const int word : accesses[n].words_read) read(word);
      for (const int p : accesses[n].predicates_read) read(-1 - p);
      for (const int word : accesses[n].words_written) write(word);
      for (const int p : accesses[n].predicates_written) write(-1 - p);
      if (i.base.op == Opcode::bar) {
        for (int space = 0; space < 2; ++space) {
          for (const std::size_t s : stores[space]) add(s, n, 1);
          for (const std::size_t l : loads[space]) add(l, n, 1);
          stores[space].clear();
          loads[space].clear();
        }
        if (barrier != none_yet) add(barrier, n, 1);
        barrier = n;
      } else if (is_memory(i.base.op)) {
        const int space = i.base.op == Opcode::ldg || i.base.op == Opcode::stg ? 1 : 0;
        for (const std::size_t s : stores[space]) add(s, n, 1);
        if (is_store(i.base.op))
          for (const std::size_t l : loads[space]) add(l, n, 1);
        if (barrier != none_yet) add(barrier, n, 1);
        (is_store(i.base.op) ? stores : loads)[space].push_back(n);
      }
    }
  }

 private:
  static constexpr std::size_t none_yet = static_cast<std::size_t>(-1);
  void add(std::size_t from, std::size_t to, int cycles) {
    after[from].push_back({to, cycles});
    ++before_count[to];
  }
};

void schedule(Block& block, const std::vector<bool>& words_out, const std::vector<bool>& predicates_out) {
  const std::vector<Virtual>& code = block.code;
  const std::vector<Accesses> accesses(code.begin(), code.end());
  std::vector<int> given_words;  // live after each instruction, in the given order
  int most_words = free_words, most_predicates = free_predicates;
  Pressure given(block, accesses, words_out, predicates_out);
  for (const Accesses& a : accesses) {
    given.issue(a);
    given_words.push_back(given.words.live());
    most_words = std::max(most_words, given.words.live());
    most_predicates = std::max(most_predicates, given.predicates.live());
  }
  Dependences dependences(code, accesses);
  std::vector<int> urgency(code.size(), 0);  // cycles from here to the end of the longest chain
  for (std::size_t n = code.size(); n-- > 0;) {
    urgency[n] = expected_latency(code[n].base);
    for (const Dependences::Edge& e : dependences.after[n]) urgency[n] = std::max(urgency[n], e.cycles + urgency[e.to]);
  }
  Pressure pressure(block, accesses, words_out, predicates_out);
  std::vector<bool> done(code.size(), false);
  std::size_t first = 0;  // of the given order that is not done
  std::vector<std::size_t> candidates;
  std::vector<int> ready(code.size(), 0);
  for (std::size_t n = 0; n < code.size(); ++n)
    if (dependences.before_count[n] == 0) candidates.push_back(n);
  std::vector<Virtual> result;
  for (int now = 0; !candidates.empty(); ++now) {
    // Of those that fit: one whose operands are there, the most urgent; else the one that will be ready first. If none
    // fits, the first of the given order.
    const int word_limit = std::max(free_words, std::min(most_words, given_words[first] + words_for_loads));
    const auto fits = [&](std::size_t n) {
      const Accesses& a = accesses[n];
      const int more_words = pressure.words.change(a.words_read, a.words_written);
      const int more_predicates = pressure.predicates.change(a.predicates_read, a.predicates_written);
      return (more_words <= 0 || pressure.words.live() + more_words <= word_limit) &&
             (more_predicates <= 0 || pressure.predicates.live() + more_predicates <= most_predicates);
    };
    std::size_t best = candidates.size();
    const auto better = [&](std::size_t a, std::size_t b) {
      const int wait_a = std::max(0, ready[a] - now), wait_b = std::max(0, ready[b] - now);
      if (wait_a != wait_b) return wait_a < wait_b;
      return urgency[a] != urgency[b] ? urgency[a] > urgency[b] : a < b;
    };
    for (std::size_t c = 0; c < candidates.size(); ++c)
      if (fits(candidates[c]) && (best == candidates.size() || better(candidates[c], candidates[best]))) best = c;
    if (best == candidates.size())
      best = static_cast<std::size_t>(std::min_element(candidates.begin(), candidates.end()) - candidates.begin());
    const std::size_t n = candidates[best];
    candidates.erase(candidates.begin() + static_cast<std::ptrdiff_t>(best));
    now = std::max(now, ready[n]);
    pressure.issue(accesses[n]);
    done[n] = true;
    while (first + 1 < code.size() && done[first]) ++first;
    result.push_back(code[n]);
    for (const Dependences::Edge& e : dependences.after[n]) {
      ready[e.to] = std::max(ready[e.to], now + e.cycles);
      if (--dependences.before_count[e.to] == 0) candidates.push_back(e.to);
    }
  }
  block.code = std::move(result);
}

}  // namespace

/// Shared memory, global memory and special functions as measured on A100 (Abdelkhalik et al., arXiv 2208.11174),
/// rounded.
int expected_latency(const Instruction& i) {
  switch (i.op) {
    case Opcode::lds:
      return 24;
    case Opcode::ldg:
      return 300;
    default:
      return info(i.op).pipe == Pipe::sfu ? 20 : std::max(info(i.op).latency_cycles, 1);
  }
}

void schedule(Program& program) {
  const Liveness live = liveness(program);
  for (std::size_t b = 0; b < program.blocks.size(); ++b)
    schedule(program.blocks[b], live.words_out[b], live.predicates_out[b]);
}

}  // namespace triad::gpu::compiler
