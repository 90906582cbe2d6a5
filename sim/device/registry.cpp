#include <fmt/format.h>

#include <algorithm>

#include "sim/device/device.hpp"

namespace triad::device {

void Registry::add(Architecture architecture) {
  if (find(architecture.name) != nullptr) {
    throw std::invalid_argument(fmt::format("the architecture {} is registered twice", architecture.name));
  }
  architectures_.push_back(std::move(architecture));
}

const Architecture* Registry::find(const std::string& name) const {
  const auto found = std::ranges::find(architectures_, name, &Architecture::name);
  return found == architectures_.end() ? nullptr : &*found;
}

std::unique_ptr<Memory> Registry::memory(const config::Node& configuration) const {
  if (make_memory_ == nullptr) throw std::logic_error("no memory is registered");
  configuration.find("summary");  // for `triad list`
  auto memory = make_memory_(configuration);
  configuration.reject_unread();
  return memory;
}

}  // namespace triad::device
