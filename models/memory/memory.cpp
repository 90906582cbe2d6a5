#include "models/memory/memory.hpp"

#include <algorithm>

#include "models/memory/dram_backend.hpp"
#include "models/memory/ideal.hpp"
#include "models/memory/tlm/tlm_backend.hpp"

namespace triad::memory {

namespace {

#ifdef NDEBUG
constexpr bool always_check = false;
#else
constexpr bool always_check = true;
#endif

std::unique_ptr<Backend> make_backend(const std::string& name, const Parameters& parameters,
                                      activity::Recorder& recorder, const activity::Technology& technology,
                                      bool check) {
  if (parameters.kind == Kind::tlm) {
    return std::make_unique<tlm::TlmBackend>(name, parameters, recorder, technology, check);
  }
  if (parameters.kind == Kind::ideal) return std::make_unique<Ideal>(name, parameters, recorder, technology);
  return std::make_unique<DramBackend>(name, parameters, recorder, technology, check || always_check);
}

}  // namespace

Memory::Memory(const sc_core::sc_module_name& name, const Parameters& parameters, activity::Recorder& recorder,
               const activity::Technology& technology, bool check)
    : Memory(name, parameters, make_backend(static_cast<const char*>(name), parameters, recorder, technology, check)) {}

Memory::Memory(const sc_core::sc_module_name& name, const Parameters& parameters, std::unique_ptr<Backend> backend)
    : Unit(name, kit::Clock(parameters.clock_hz)), parameters_(parameters), backend_(std::move(backend)) {
  backend_->attach(*this, contents_);
}

void Memory::begin_instant() {
  if (instant_ == kit::now()) return;
  instant_ = kit::now();
  next_edge_ = clock().time_of(clock().after(instant_));
  in_flight_ = offers_.size() + served_.size() - free_.size();
  freed_ = 0;
  std::fill(offered_.begin(), offered_.end(), 0);
}

bool Memory::accept(const Request& request, Handler done) {
  begin_instant();
  const auto requester = static_cast<std::size_t>(request.requester);
  if (requester >= offered_.size()) offered_.resize(requester + 1);
  if (in_flight_ + offered_[requester] >= static_cast<std::size_t>(parameters_.credits)) {
    refused_ = true;
    if (freed_ > 0) wake_listeners();
    return false;
  }
  ++offered_[requester];
  // Behind what arrives no later, of requesters no higher: nearly always at the end.
  auto place = offers_.end();
  while (place != offers_.begin() && std::prev(place)->arrival == next_edge_ &&
         std::prev(place)->request.requester > request.requester) {
    --place;
  }
  offers_.insert(place, {next_edge_, request, std::move(done)});
  wake_at_time(next_edge_);
  return true;
}

std::uint64_t Memory::free_number() {
  if (free_.empty()) {
    served_.emplace_back();
    return served_.size() - 1;
  }
  const std::uint64_t number = free_.back();
  free_.pop_back();
  return number;
}

/// At an edge: hands on what has arrived, as far as there are credits.
void Memory::serve_offers() {
  // A credit that was freed in this instant is still in use.
  const std::size_t used = served_.size() - free_.size() + freed_;
  const std::size_t free = static_cast<std::size_t>(parameters_.credits) - used;
  std::size_t served = 0;
  for (; served < offers_.size() && served < free && offers_[served].arrival <= instant_; ++served) {
    Offer& offer = offers_[served];
    (offer.request.write ? written_bytes_ : read_bytes_) += offer.request.bytes();
    const std::uint64_t number = free_number();
    served_[number] = {order_++, {}, std::move(offer.done)};
    backend_->submit(number, offer.request, instant_);
  }
  offers_.erase(offers_.begin(), offers_.begin() + static_cast<std::ptrdiff_t>(served));
}

void Memory::ask_backend() {
  finished_.clear();
  backend_->advance(instant_, finished_);
  for (const Finished& finished : finished_) {
    Served& served = served_[finished.id];
    served.completion = finished.completion;
    due_.push({finished.completion.last, served.order, finished.id});
  }
}

void Memory::wake_listeners() {
  for (kit::Unit* unit : listeners_) unit->wake_at(unit->clock().after(instant_));
  refused_ = false;
}

void Memory::step() {
  begin_instant();
  const auto arrived = [&] { return !offers_.empty() && offers_.front().arrival <= instant_; };
  // Completions are not at edges.
  if (arrived() && clock().time_of(clock().at(instant_)) == instant_) serve_offers();
  ask_backend();
  while (!due_.empty() && due_.top().at <= instant_) {
    const std::uint64_t number = due_.top().number;
    due_.pop();
    const Served served = std::move(served_[number]);
    free_.push_back(number);
    ++freed_;
    served.done(served.completion);
  }
  if (freed_ > 0 && refused_) wake_listeners();
  Time wake = backend_->next();
  if (!due_.empty()) wake = std::min(wake, due_.top().at);
  if (freed_ > 0 && arrived()) wake = std::min(wake, next_edge_);
  if (wake != ~Time{0}) wake_at_time(wake);
}

}  // namespace triad::memory
