#include "models/memory/tlm/transaction.hpp"

#include <algorithm>

namespace triad::memory::tlm {

Cut::Cut(const Request& request, std::uint64_t burst)
    : address_(request.address),
      row_bytes_(request.row_bytes),
      rows_(request.row_bytes == 0 ? 0 : request.rows),
      burst_(burst),
      stride_(request.stride) {
  if (rows_ > 1 && stride_ == static_cast<std::int64_t>(row_bytes_)) {  // one row in truth
    row_bytes_ *= rows_;
    rows_ = 1;
  }
}

Cut::Piece Cut::next() {
  const std::uint64_t at = address_ + static_cast<std::uint64_t>(static_cast<std::int64_t>(row_) * stride_) + column_;
  const Piece piece{at, std::min(burst_ - at % burst_, row_bytes_ - column_), row_ * row_bytes_ + column_};
  column_ += piece.bytes;
  if (column_ == row_bytes_) {
    column_ = 0;
    ++row_;
  }
  return piece;
}

namespace {
/// How a payload knows its transaction.
struct Back : ::tlm::tlm_extension<Back> {
  Transaction* transaction = nullptr;
  ::tlm::tlm_extension_base* clone() const override { return new Back(*this); }
  void copy_from(const ::tlm::tlm_extension_base& other) override { *this = static_cast<const Back&>(other); }
};
}  // namespace

Transaction& Pool::take() {
  if (free_.empty()) {
    all_.push_back(std::make_unique<Transaction>());
    Transaction& made = *all_.back();
    made.payload.set_mm(this);
    auto* back = new Back;  // the payload's from here on
    back->transaction = &made;
    made.payload.set_extension(back);
    free_.push_back(&made);
  }
  Transaction& taken = *free_.back();
  free_.pop_back();
  taken.payload.acquire();
  return taken;
}

void Pool::free(::tlm::tlm_generic_payload* payload) {
  free_.push_back(&transaction_of(*payload));
}

Transaction& transaction_of(::tlm::tlm_generic_payload& payload) {
  return *payload.get_extension<Back>()->transaction;
}

}  // namespace triad::memory::tlm
