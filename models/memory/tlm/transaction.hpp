#pragma once
#include <tlm.h>

#include <memory>
#include <vector>

#include "models/memory/request.hpp"

namespace triad::memory::tlm {

/// Where a request is cut: the next piece of a request that has not been sent.
class Cut {
 public:
  struct Piece {
    std::uint64_t address, bytes;
    std::uint64_t offset;  ///< in the request, counted in order of rows
  };
  Cut() = default;
  Cut(const Request& request, std::uint64_t burst);
  bool done() const { return row_ == rows_; }
  Piece next();

 private:
  std::uint64_t address_ = 0, row_bytes_ = 0, rows_ = 0, burst_ = 1;
  std::int64_t stride_ = 0;
  std::uint64_t row_ = 0, column_ = 0;
};

/// One transaction: a payload with its bytes.
struct Transaction {
  ::tlm::tlm_generic_payload payload;
  std::vector<unsigned char> bytes;
  std::uint64_t request = 0, offset = 0;  ///< the request's number, and where in it the piece lies
  bool raced = false;                     ///< a read: a write to the same bytes was under way
  enum class Phase { request, accepted, response } phase = Phase::request;
  sc_core::sc_time accepted;  ///< when its END_REQ takes effect
};

/// The transactions of one initiator. One comes back to it when nobody holds it any more (TLM-2.0's reference count).
class Pool : public ::tlm::tlm_mm_interface {
 public:
  /// Acquired once.
  Transaction& take();
  void free(::tlm::tlm_generic_payload* payload) override;

 private:
  std::vector<std::unique_ptr<Transaction>> all_;
  std::vector<Transaction*> free_;
};

/// The transaction whose payload this is.
Transaction& transaction_of(::tlm::tlm_generic_payload& payload);

}  // namespace triad::memory::tlm
