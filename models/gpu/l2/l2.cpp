#include "models/gpu/l2/l2.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace triad::gpu {

using activity::Resource;
using memory::Packet;

L2::Slice::Slice(L2& l2, int number, memory::Memory& memory, activity::Recorder& recorder,
                 const activity::Technology& technology)
    : cache(fmt::format("{}_slice{}", l2.basename(), number).c_str(), l2.clock(), l2.parameters_.slice,
            {&requests, &replies, &misses, &fills}, recorder, technology),
      port(fmt::format("{}_port{}", l2.basename(), number).c_str(), l2.clock(), memory, number) {
  l2.requests_.connect_output(number, requests, cache);
  l2.replies_.connect_input(number, replies, cache);
  port.connect(misses, fills, cache);
  port.set_addresses([&l2, number](std::uint64_t address) { return l2.parameters_.address({number, address}); });
}

L2::L2(const sc_core::sc_module_name& name, const kit::Clock& clock, const L2Parameters& parameters, int sms,
       memory::Memory& memory, activity::Recorder& recorder, const activity::Technology& technology)
    : Unit(name, clock),
      parameters_(parameters),
      recorder_(recorder),
      requests_("l2_requests", clock, parameters.requests, recorder, technology, Resource::none),
      replies_("l2_replies", clock, parameters.replies, recorder, technology, Resource::none),
      queued_(sms) {
  for (int sm = 0; sm < sms; ++sm) {
    ports_.push_back(std::make_unique<Port>());
    requests_.connect_input(sm, ports_.back()->out, *this);
    replies_.connect_output(sm, ports_.back()->in, *this);
  }
  for (int s = 0; s < parameters.slices; ++s) {
    slices_.push_back(std::make_unique<Slice>(*this, s, memory, recorder, technology));
  }
}

void L2::send(int sm, const memory::Request& request, memory::Memory::Handler done) {
  std::size_t number = accesses_.size();
  if (free_.empty()) {
    accesses_.emplace_back();
  } else {
    number = free_.back();
    free_.pop_back();
  }
  Access& access = accesses_[number];
  access = {std::move(done), 0, 0};
  const Cycle from = cycle() + 1;
  const std::uint64_t line = parameters_.slice.line;
  for (std::uint64_t row = 0; row < request.rows; ++row) {
    std::uint64_t address = request.address + row * static_cast<std::uint64_t>(request.stride);
    for (std::uint64_t left = request.row_bytes; left > 0;) {
      const std::uint64_t bytes = std::min(left, line - address % line);
      const L2Parameters::Place place = parameters_.place(address);
      Packet packet;
      packet.id = number;
      packet.address = place.address;
      packet.bytes = static_cast<std::uint32_t>(bytes);
      packet.write = request.write;
      packet.destination = place.slice;
      packet.tag = request.tag;
      ports_[static_cast<std::size_t>(sm)]->queue.push_back({from, packet});
      ++access.unanswered;
      address += bytes;
      left -= bytes;
    }
  }
  queued_.insert(sm);
  wake_at(from);
}

void L2::step() {
  const Cycle now = cycle();
  bool again = false;
  for (int sm = queued_.next(0); sm >= 0; sm = queued_.next(sm + 1)) {
    Port& port = *ports_[static_cast<std::size_t>(sm)];
    if (port.queue.front().from > now || !port.out.has_room(now)) continue;  // we are woken for either
    port.out.push(port.queue.front().packet, now);
    port.queue.pop_front();
    if (port.queue.empty()) {
      queued_.erase(sm);
    } else {
      again = true;
    }
  }
  for (const auto& port : ports_) {
    if (port->in.empty()) continue;
    const Packet* reply = port->in.front(now);
    if (reply == nullptr) continue;
    take_reply(*reply, now);
    port->in.pop(now);
    again |= !port->in.empty();
  }
  if (again) wake_at(now + 1);
}

void L2::take_reply(const Packet& reply, Cycle now) {
  // The L2 transfers for the mean of its slices' ports: one of eighty that moves data does not make the chip transfer.
  moved_ += static_cast<std::uint64_t>(parameters_.replies.flits(reply));
  if (const auto n = static_cast<std::uint64_t>(parameters_.slices); moved_ >= n) {
    const Cycle from = std::max(now, covered_), to = from + moved_ / n;
    recorder_.cover(Resource::memory, reply.tag, from, to);
    covered_ = to;
    moved_ %= n;
  }
  Access& access = accesses_[reply.id];
  if (access.first == 0) access.first = clock().time_of(now);
  if (--access.unanswered > 0) return;
  const memory::Memory::Handler done = std::move(access.done);
  const memory::Completion completion{access.first, clock().time_of(now)};
  free_.push_back(reply.id);
  done(completion);
}

void L2::flush(std::function<void()> done) {
  flushed_ = std::move(done);
  flushing_ = parameters_.slices;
  for (const auto& slice : slices_) {
    slice->cache.flush(false, [this] {
      if (--flushing_ == 0) flushed_();
    });
  }
}

void L2::finish() {
  requests_.finish();
  replies_.finish();
}

/// With what the units behind it wait for: the first four that wait.
std::string L2::waits_for() const {
  if (accesses_.size() == free_.size() && flushing_ == 0) return {};
  std::size_t queued = 0;
  for (const auto& port : ports_) queued += port->queue.size();
  std::string text = fmt::format("\n  {}: {} requests of SMs not answered, {} packets not sent", name(),
                                 accesses_.size() - free_.size(), queued);
  std::vector<const kit::Unit*> units = {&requests_, &replies_};
  for (const auto& slice : slices_) units.insert(units.end(), {&slice->cache, &slice->port});
  int listed = 0;
  for (const kit::Unit* unit : units) {
    const std::string why = unit->waits_for();
    if (!why.empty() && listed++ < 4) text += fmt::format("\n  {}: {}", unit->name(), why);
  }
  return text;
}

}  // namespace triad::gpu
