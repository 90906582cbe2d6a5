#include "sim/workload/optimizer.hpp"

#include <algorithm>
#include <cmath>

namespace triad::workload {
namespace {

constexpr std::int64_t most_steps = 1'000'000'000;

/// A number of at least 0 and below 1.
double fraction(const config::Node& node) {
  const double value = node.number(0, 1);
  if (value == 1) node.fail("must be below 1");
  return value;
}

Schedule read_schedule(const config::Node& node, double learning_rate) {
  Schedule schedule;
  const std::string type = node.at("type").choice({"step", "multi_step", "exponential", "cosine", "linear_warmup"});
  const auto gamma = [&](bool required) {
    const auto found = required ? node.at("gamma") : node.find("gamma");
    if (found) schedule.gamma = found->number(0, 1e6);
  };
  const auto steps = [&](const char* key) { schedule.steps = node.at(key).integer(1, most_steps); };
  if (type == "step") {
    schedule.kind = Schedule::Kind::step;
    steps("step_size");
    gamma(false);
  } else if (type == "multi_step") {
    schedule.kind = Schedule::Kind::multi_step;
    for (const config::Node& item : node.at("milestones").items()) {
      schedule.milestones.push_back(item.integer(0, most_steps));
    }
    gamma(false);
  } else if (type == "exponential") {
    schedule.kind = Schedule::Kind::exponential;
    gamma(true);
  } else if (type == "cosine") {
    schedule.kind = Schedule::Kind::cosine;
    steps("steps");
    if (const auto minimum = node.find("minimum")) schedule.minimum = minimum->number(0, learning_rate);
  } else {
    schedule.kind = Schedule::Kind::linear_warmup;
    steps("steps");
    if (const auto start = node.find("start_factor")) {
      schedule.start = start->number(0, 1);
      if (schedule.start == 0) start->fail("must be above 0");
    }
  }
  return schedule;
}

double factor(const Schedule& schedule, std::int64_t step, double learning_rate) {
  switch (schedule.kind) {
    case Schedule::Kind::step:
      return std::pow(schedule.gamma, static_cast<double>(step / schedule.steps));
    case Schedule::Kind::multi_step:
      return std::pow(schedule.gamma, static_cast<double>(std::ranges::count_if(
                                          schedule.milestones, [&](std::int64_t at) { return at <= step; })));
    case Schedule::Kind::exponential:
      return std::pow(schedule.gamma, static_cast<double>(step));
    case Schedule::Kind::cosine: {
      const double phase = M_PI * static_cast<double>(step) / static_cast<double>(schedule.steps);
      return (schedule.minimum + (learning_rate - schedule.minimum) * (1 + std::cos(phase)) / 2) / learning_rate;
    }
    case Schedule::Kind::linear_warmup: {
      const double done = static_cast<double>(std::min(step, schedule.steps)) / static_cast<double>(schedule.steps);
      return schedule.start + (1 - schedule.start) * done;
    }
  }
  return 1;
}

}  // namespace

double OptimizerSettings::rate(std::int64_t step) const {
  double rate = learning_rate;
  for (const Schedule& schedule : schedules) rate *= factor(schedule, step, learning_rate);
  return rate;
}

OptimizerSettings read_optimizer(const config::Node& node) {
  OptimizerSettings settings;
  graph::Optimizer& optimizer = settings.optimizer;
  const std::string type = node.at("type").choice({"sgd", "adam", "adamw"});
  const config::Node rate = node.at("learning_rate");
  settings.learning_rate = rate.number(0, 1e6);
  if (settings.learning_rate == 0) rate.fail("nothing is learnt at rate 0; must be positive");
  if (type == "sgd") {
    if (const auto momentum = node.find("momentum")) optimizer.momentum = fraction(*momentum);
    if (const auto nesterov = node.find("nesterov")) {
      optimizer.nesterov = nesterov->boolean();
      if (optimizer.nesterov && optimizer.momentum == 0) nesterov->fail("nesterov needs a momentum above 0");
    }
  } else {
    optimizer.kind = graph::Optimizer::Kind::adam;
    optimizer.decoupled = type == "adamw";
    if (optimizer.decoupled) optimizer.weight_decay = 0.01;  // torch.optim.AdamW's default
    if (const auto betas = node.find("betas")) {
      const std::vector<config::Node> both = betas->items();
      if (both.size() != 2) betas->fail("two numbers: [0.9, 0.999]");
      optimizer.beta1 = fraction(both[0]);
      optimizer.beta2 = fraction(both[1]);
    }
    if (const auto epsilon = node.find("epsilon")) optimizer.epsilon = epsilon->number(0, 1);
  }
  if (const auto decay = node.find("weight_decay")) optimizer.weight_decay = decay->number(0, 1e6);
  if (const auto schedule = node.find("schedule")) {
    std::vector<config::Node> all = {*schedule};
    if (schedule->is_list()) all = schedule->items();
    for (const config::Node& item : all) settings.schedules.push_back(read_schedule(item, settings.learning_rate));
  }
  return settings;
}

}  // namespace triad::workload
