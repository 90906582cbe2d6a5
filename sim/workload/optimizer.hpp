#pragma once
#include <vector>

#include "sim/config/node.hpp"
#include "sim/graph/training.hpp"

/// `optimizer:` of a workload: what updates the parameters and how fast in which step.
namespace triad::workload {

/// A factor of the learning rate, by step. PyTorch's torch.optim.lr_scheduler of the same name in closed form, one
/// scheduler step after every optimizer step.
struct Schedule {
  enum class Kind { step, multi_step, exponential, cosine, linear_warmup } kind = Kind::step;
  std::int64_t steps = 1;                ///< step: between two drops; cosine: T_max; linear_warmup: total_iters
  std::vector<std::int64_t> milestones;  ///< multi_step
  double gamma = 0.1;                    ///< step, multi_step, exponential
  double minimum = 0;                    ///< cosine: eta_min
  double start = 1.0 / 3;                ///< linear_warmup: start_factor
};

struct OptimizerSettings {
  graph::Optimizer optimizer;
  double learning_rate = 0;
  std::vector<Schedule> schedules;  ///< their factors multiply

  /// The learning rate of step s, from 0.
  double rate(std::int64_t step) const;
};

/// Throws config::Error.
OptimizerSettings read_optimizer(const config::Node& node);

}  // namespace triad::workload
