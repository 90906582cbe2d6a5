#include "models/memory/crossbar/switch.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <stdexcept>

namespace triad::memory::crossbar {

namespace {

constexpr Cycle never = ~Cycle{0};

std::size_t count(int n) {
  return static_cast<std::size_t>(n);
}

}  // namespace

Switch::Switch(const Parameters& parameters)
    : parameters_(parameters),
      inputs_(count(parameters.inputs)),
      outputs_(count(parameters.outputs)),
      queues_(count(parameters.virtual_output_queues ? parameters.inputs * parameters.outputs : parameters.inputs)),
      wants_(count(parameters.outputs), PortSet(parameters.inputs)),
      wanted_(parameters.outputs),
      arriving_(parameters.outputs),
      free_inputs_(parameters.inputs),
      busy_inputs_(parameters.inputs),
      due_(count(parameters.latency_cycles + parameters.largest_flits())) {
  for (int i = 0; i < parameters.inputs; ++i) free_inputs_.insert(i);
}

/// Cycles before `before` in which the output was blocked; nothing that happens from `before` - 1 on changes it.
std::uint64_t Switch::blocked(const Output& output, Cycle before) const {
  return output.blocked + (full(output) && before > output.full_since ? before - output.full_since : 0);
}

void Switch::becomes_first(int input, Queue& queue, Cycle now) {
  const int output = output_of(entries_[queue.first].packet);
  queue.first_since = now + 1;
  queue.blocked = blocked(outputs_[output], now + 1);
  wants_[output].insert(input);
  wanted_.insert(output);
}

/// The input that the output would serve, of those that are free and want it; or -1.
int Switch::choose_input(int output) const {
  const PortSet& wants = wants_[output];
  if (parameters_.arbitration == Arbitration::round_robin) {
    return wants.next_of_both(free_inputs_, outputs_[output].turn);
  }
  int oldest = -1;
  Cycle taken = never;
  for (int i = wants.next(0); i >= 0; i = wants.next(i + 1)) {
    if (!free_inputs_.contains(i)) continue;
    const Cycle its = entries_[queue(i, output).first].taken;
    if (its < taken) taken = its, oldest = i;
  }
  return oldest;
}

/// Does the input take this output rather than the best that it was offered?
bool Switch::better_offer(int input, int output) const {
  const Input& in = inputs_[input];
  if (in.offer < 0) return true;
  if (parameters_.arbitration == Arbitration::oldest_first) {
    return entries_[queue(input, output).first].taken < entries_[queue(input, in.offer).first].taken;
  }
  const auto distance = [&](int o) { return o >= in.turn ? o - in.turn : o - in.turn + parameters_.outputs; };
  return distance(output) < distance(in.offer);
}

const std::vector<Switch::Grant>& Switch::arbitrate(Cycle now) {
  grants_.clear();
  for (int i = busy_inputs_.next(0); i >= 0; i = busy_inputs_.next(i + 1)) {
    if (inputs_[i].granted > now) continue;
    busy_inputs_.erase(i);
    free_inputs_.insert(i);
  }
  matching_.clear();
  for (int o = wanted_.next(0); o >= 0; o = wanted_.next(o + 1)) {
    if (outputs_[o].free <= now && !full(outputs_[o])) matching_.push_back(o);
  }
  for (bool first_round = true; !matching_.empty(); first_round = false) {
    offered_.clear();
    std::erase_if(matching_, [&](int o) {
      const int i = choose_input(o);
      if (i < 0) return true;
      if (inputs_[i].offer < 0) offered_.push_back(i);
      if (better_offer(i, o)) inputs_[i].offer = o;
      return false;
    });
    for (const int i : offered_) {
      const int o = inputs_[i].offer;
      inputs_[i].offer = -1;
      if (first_round) {
        inputs_[i].turn = o + 1 == parameters_.outputs ? 0 : o + 1;
        outputs_[o].turn = i + 1 == parameters_.inputs ? 0 : i + 1;
      }
      grant(i, o, now);
      std::erase(matching_, o);
    }
  }
  return grants_;
}

void Switch::grant(int input, int output, Cycle now) {
  Queue& from = queue(input, output);
  Output& to = outputs_[output];
  const int at = from.first;
  Entry& entry = entries_[at];
  const auto flits = count(entry.flits);

  const std::uint64_t waited = now - from.first_since, blocked_cycles = blocked(to, now) - from.blocked;
  statistics_.queued += from.first_since - (entry.taken + 1);
  statistics_.blocked += blocked_cycles;
  statistics_.contended += waited - blocked_cycles;
  statistics_.flits += flits;
  ++statistics_.packets;

  from.first = entry.next;
  if (from.first < 0) from.last = -1;
  from.flits -= entry.flits;
  from.gone = inputs_[input].granted = to.free = now + flits;
  free_inputs_.erase(input);
  busy_inputs_.insert(input);
  wants_[output].erase(input);
  if (from.first >= 0) becomes_first(input, from, now);
  if (wants_[output].next(0) < 0) wanted_.erase(output);

  entry.next = -1;
  entry.due = now + count(parameters_.latency_cycles) + flits - 2;
  (to.last < 0 ? to.first : entries_[to.last].next) = at;
  to.last = at;
  arriving_.insert(output);
  if (++to.packets == parameters_.output_packets) to.full_since = to.free;
  if (entry.due > now) due_.note(entry.due);
  due_.note(now + flits);
  grants_.push_back({input, output, entry.flits, entry.packet.tag});
}

/// The packet at the output's front has been delivered.
void Switch::left(int output, Cycle now) {
  Output& from = outputs_[output];
  const int at = from.first;
  Entry& entry = entries_[at];
  statistics_.held += now - entry.due;
  if (full(from)) {
    from.blocked = blocked(from, now + 1);
    if (wants_[output].next(0) >= 0) due_.note(now + 1);
  }
  --from.packets;
  from.first = entry.next;
  if (from.first < 0) {
    from.last = -1;
    arriving_.erase(output);
  } else if (entries_[from.first].due <= now) {
    due_.note(now + 1);  // one a cycle
  }
  entry.next = unused_;
  unused_ = at;
  --inside_;
}

Cycle Switch::takes(int input, const Packet& packet, Cycle now) const {
  const int flits = parameters_.flits(packet), output = output_of(packet);
  if (flits > parameters_.largest_flits()) {
    throw std::logic_error(
        fmt::format("crossbar: a packet of {} bytes, the largest has {}", packet.bytes, parameters_.largest_data));
  }
  if (output < 0 || output >= parameters_.outputs) {
    throw std::logic_error(fmt::format("crossbar: a packet to output {} of {}", output, parameters_.outputs));
  }
  const Queue& to = queue(input, output);
  if (to.flits + flits > parameters_.queue_flits) return never;
  // What has been granted leaves flit by flit: in cycle c, gone - c of them still have their places.
  const auto spare = static_cast<Cycle>(parameters_.queue_flits - to.flits - flits);
  const Cycle room = to.gone > spare ? to.gone - spare : 0;
  return std::max({now, inputs_[input].taken, room});
}

void Switch::take(int input, const Packet& packet, Cycle now) {
  const int flits = parameters_.flits(packet), output = output_of(packet);
  if (takes(input, packet, now) > now) throw std::logic_error("crossbar: a packet that cannot be taken yet");
  int at = unused_;
  if (at < 0) {
    at = static_cast<int>(entries_.size());
    entries_.emplace_back();
  } else {
    unused_ = entries_[at].next;
  }
  Entry& entry = entries_[at];
  entry = {packet, now, 0, flits, -1};
  if (!packet.reply) entry.packet.source = input;
  Queue& to = queue(input, output);
  (to.last < 0 ? to.first : entries_[to.last].next) = at;
  const bool first = to.last < 0;
  to.last = at;
  to.flits += flits;
  inputs_[input].taken = now + count(flits);
  if (first) becomes_first(input, to, now);
  ++inside_;
  due_.note(now + 1);
}

void Switch::throw_unconnected(int output) {
  throw std::logic_error(fmt::format("crossbar: output {} is not connected", output));
}

std::string Switch::describe_waiting() const {
  std::string text;
  for (int o = 0; o < parameters_.outputs; ++o) {
    int waiting = 0;
    for (int i = wants_[o].next(0); i >= 0; i = wants_[o].next(i + 1)) ++waiting;
    const Output& output = outputs_[o];
    if (waiting == 0 && output.packets == 0) continue;
    text += fmt::format("{}output {}: {} of {} packets not taken, {} inputs wait", text.empty() ? "" : "; ", o,
                        output.packets, parameters_.output_packets, waiting);
  }
  return text;
}

}  // namespace triad::memory::crossbar
