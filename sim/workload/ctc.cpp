#include "sim/workload/losses.hpp"
namespace triad::workload {
graph::TensorId ctc_loss(Builder&, const std::string& name, const Ctc&) {
  throw std::invalid_argument(name + ": ctc");
}
}  // namespace triad::workload
