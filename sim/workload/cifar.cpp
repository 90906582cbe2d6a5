#include "sim/workload/cifar.hpp"

#include <fmt/format.h>

#include "sim/workload/file_bytes.hpp"

namespace triad::workload {

Arrays decode_cifar10(std::span<const std::byte> bytes, const std::string& name) {
  constexpr std::size_t pixels = 3 * 32 * 32, record = 1 + pixels;
  const auto failed = [&](const std::string& reason) { return FileError(name + ": " + reason); };
  if (bytes.empty() || bytes.size() % record != 0) {
    throw failed(
        fmt::format("{} bytes are not whole records of {} (CIFAR-10's binary version: a class, then 3 x 32 x "
                    "32 bytes); {} are left over",
                    bytes.size(), record, bytes.size() % record));
  }
  const std::size_t images = bytes.size() / record;
  std::vector<std::int32_t> x, y;
  x.reserve(images * pixels);
  for (std::size_t image = 0; image < images; ++image) {
    const std::span<const std::byte> one = bytes.subspan(image * record, record);
    y.push_back(std::to_integer<std::int32_t>(one[0]));
    if (y.back() > 9) throw failed(fmt::format("image {} is of class {}, must be 0 to 9", image, y.back()));
    for (const std::byte value : one.subspan(1)) x.push_back(std::to_integer<std::int32_t>(value));
  }
  const auto count = static_cast<std::int64_t>(images);
  return {{"x", device::HostTensor::of_integers({count, 3, 32, 32}, x)},
          {"y", device::HostTensor::of_integers({count}, y)}};
}

Arrays read_cifar10(const std::filesystem::path& file) {
  return decode_cifar10(read_bytes(file), file.string());
}

}  // namespace triad::workload
