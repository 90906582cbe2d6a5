#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "sim/device/host_tensor.hpp"

/// Values on the host while a graph runs.
namespace triad::reference {

/// Memory for values: what is given back is handed out again, so that a training step touches no fresh pages after the
/// first one. Threads may share it.
class Pool {
 public:
  /// Uninitialised, aligned to 64 bytes; returns to the pool when the last holder lets go, or to the system when the
  /// pool is gone.
  std::shared_ptr<std::byte> take(std::int64_t bytes);
  /// The same for `count` elements of a type.
  template <class Element>
  std::shared_ptr<Element> take_of(std::int64_t count) {
    const std::shared_ptr<std::byte> memory = take(count * static_cast<std::int64_t>(sizeof(Element)));
    return {memory, reinterpret_cast<Element*>(memory.get())};
  }
  /// Most bytes that were in use at one time.
  std::int64_t peak_bytes() const;

 private:
  struct Shared {
    std::mutex mutex;
    std::multimap<std::int64_t, std::byte*> free;
    std::int64_t used = 0, peak = 0;
    ~Shared();
  };
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

/// What an op reads: row-major, in the stored format.
struct Source {
  const std::byte* data = nullptr;
  numerics::Format format = numerics::Format::fp32;
  const float* floats() const { return reinterpret_cast<const float*>(data); }
  const std::int32_t* integers() const { return reinterpret_cast<const std::int32_t*>(data); }
};

/// What an op writes.
struct Target {
  std::byte* data = nullptr;
  numerics::Format format = numerics::Format::fp32;
  float* floats() const { return reinterpret_cast<float*>(data); }
  operator Source() const { return {data, format}; }
};

}  // namespace triad::reference
