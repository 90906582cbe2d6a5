#pragma once
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <cmath>

#include "../single_op.hpp"
#include "sim/reference/reference.hpp"
#include "support.hpp"

/// Jobs of a few ops on the TPU, held to the host reference.
namespace triad::tpu::test {

using graph::Attributes;
using graph::OpKind;
using graph::Shape;
using graph::TensorId;
using triad::test::Values;

/// A graph without a loss: what no op reads is its result.
struct Net {
  device::Job job;
  explicit Net(const std::string& name) { job.name = name; }
  TensorId input(const Shape& shape, const std::vector<float>& values, Format format = Format::fp32) {
    const TensorId id =
        job.graph.add_tensor({fmt::format("input{}", job.graph.tensors.size()), shape, format, graph::Role::input});
    job.batches[id] = {device::HostTensor::of(shape, values, format)};
    return id;
  }
  std::vector<TensorId> op(OpKind kind, std::vector<TensorId> inputs, Attributes attributes = {}) {
    return job.graph.add_op(kind, job.graph.unique_name(graph::to_string(kind)), std::move(inputs),
                            std::move(attributes));
  }
  using Format = numerics::Format;
};

/// Whole numbers from -2 to 2: their sums and products are exact, in whatever order.
inline std::vector<float> whole(Values& random, std::int64_t count) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& v : values) v = static_cast<float>(random.below(5)) - 2;
  return values;
}

/// Every result of every job equals the reference's: to the bit, or within `tolerance` of the tensor's largest.
inline void expect_reference(const std::vector<device::Job>& jobs, const Settings& settings, double tolerance = 0,
                             const std::string& preset = "tiny") {
  const auto device = make(preset, settings);
  std::vector<std::unique_ptr<device::Program>> programs;
  std::vector<experiment::Task> tasks;
  for (const device::Job& job : jobs) {
    programs.push_back(device->lower(job));
    tasks.push_back(task(*device, *programs.back(), job));
  }
  const auto results = experiment::run_in_children(tasks, false);
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const reference::Outcome expected = reference::run(jobs[i]);
    ASSERT_EQ(results[i].outputs.size(), expected.outputs.size());
    ASSERT_FALSE(expected.outputs.empty());
    for (const auto& [name, tensor] : expected.outputs) {
      const std::string where = fmt::format("{} of {} with {}", name, jobs[i].name, fmt::join(settings, " "));
      ASSERT_TRUE(results[i].outputs.contains(name)) << where;
      const std::vector<float> wanted = tensor.floats(), got = results[i].outputs.at(name).floats();
      ASSERT_EQ(got.size(), wanted.size()) << where;
      float largest = 0;
      for (const float x : wanted) largest = std::max(largest, std::abs(x));
      for (std::size_t e = 0; e < wanted.size(); ++e) {
        if (tolerance == 0) {
          ASSERT_EQ(got[e], wanted[e]) << where << ", element " << e;
        } else {
          ASSERT_NEAR(got[e], wanted[e], tolerance * largest) << where << ", element " << e;
        }
      }
    }
  }
}

}  // namespace triad::tpu::test
