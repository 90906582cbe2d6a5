#include <gtest/gtest.h>

#include <cmath>

#include "sim/graph/passes.hpp"
#include "sim/reference/reference.hpp"
#include "sim/workload/workload.hpp"

/// Passes leave what a network computes as it is: real networks on the host, before and after.
namespace triad {
namespace {

class Passes : public testing::TestWithParam<const char*> {
 protected:
  device::Job load(std::vector<std::string> settings = {}) const {
    const std::string file = std::string(TRIAD_SOURCE_DIR "/configs/workloads/") + GetParam() + ".yaml";
    settings.push_back("steps=2");
    return workload::load(file, settings);
  }
  static void expect_same(const reference::Outcome& a, const reference::Outcome& b) {
    ASSERT_EQ(a.loss.size(), b.loss.size());
    for (std::size_t step = 0; step < a.loss.size(); ++step) {
      // Elements are the same to the bit; sums over rows may be made in another order.
      EXPECT_NEAR(a.loss[step], b.loss[step], 1e-5 * std::abs(a.loss[step])) << step;
    }
  }
};

TEST_P(Passes, Fusion) {
  device::Job job = load();
  const reference::Outcome before = reference::run(job);
  const std::int64_t flops = job.graph.flops();
  const std::size_t ops = job.graph.ops.size();
  job.graph = graph::fuse(graph::without_dead_ops(job.graph), {});
  EXPECT_EQ(job.graph.flops(), flops);
  EXPECT_LT(job.graph.ops.size(), ops);
  expect_same(before, reference::run(job));
}

TEST_P(Passes, Recomputation) {
  const device::Job job = load();
  const reference::Outcome before = reference::run(job);
  device::Job again = load({"recompute=on"});
  EXPECT_EQ(again.graph.flops(), job.graph.flops());
  expect_same(before, reference::run(again));
  again.graph = graph::fuse(again.graph, {});
  EXPECT_EQ(again.graph.flops(), job.graph.flops());
  expect_same(before, reference::run(again));
}

INSTANTIATE_TEST_SUITE_P(Zoo, Passes,
                         testing::Values("mlp", "resnet-50-mini", "transformer-mini", "lstm-sentiment-mini",
                                         "mobilenet-v2-mini", "ddpm-unet-mini", "gpt-2-mini", "deepspeech-2-mini"));

}  // namespace
}  // namespace triad
