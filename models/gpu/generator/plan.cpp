#include <algorithm>
#include <bit>
#include <ranges>

#include "models/gpu/generator/formula_kernel.hpp"

namespace triad::gpu::generator {
namespace {

using graph::Formula;

constexpr std::int64_t block_threads = 256;
constexpr std::int64_t warp = 32;

std::int64_t divide_up(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}
std::int64_t power_of_two(std::int64_t at_least) {
  return static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(at_least)));
}

/// A thread holds at most so many values of its row.
bool can_hold(const Request& request, std::int64_t iterations) {
  return iterations == 1 || (iterations <= 8 && iterations * static_cast<std::int64_t>(request.operands.size()) <= 24 &&
                             iterations * static_cast<std::int64_t>(request.formula.terms.size()) <= 160);
}

}  // namespace

Plan plan(const Request& request) {
  const Formula& f = request.formula;
  Plan p;
  p.rows = f.rows(), p.length = f.row_length();
  for (const int stage : f.stages()) p.stages = std::max(p.stages, stage);
  for (std::size_t axis = 0; axis < f.space.size(); ++axis) {
    if (f.space[axis] > 1) p.inner = f.reduced[axis];
  }
  p.chunk = p.length;
  if (p.length == 1) {
    p.block_rows = static_cast<int>(std::min(block_threads, divide_up(p.rows, warp) * warp));
    return p;
  }
  const std::int64_t longest = power_of_two(p.length), working = 2 * static_cast<std::int64_t>(request.sms);
  std::int64_t lanes = 1, block_rows = 1;
  if (p.inner) {
    // As few lanes as hold the row in eight values each, but whole sectors at once, and work for every SM.
    lanes = std::clamp(power_of_two(divide_up(p.length, 8)), std::min(longest, warp), block_threads);
    while (lanes < std::min(longest, block_threads) && p.rows * lanes < block_threads * working) lanes *= 2;
    block_rows = std::min(block_threads / lanes, power_of_two(p.rows));
  } else {
    block_rows = std::min(power_of_two(p.rows), warp);
    lanes = std::min({longest, block_threads / block_rows, std::max<std::int64_t>(8, divide_up(longest, 8))});
    lanes = std::bit_floor(static_cast<std::uint64_t>(lanes));
  }
  p.lanes = static_cast<int>(lanes), p.block_rows = static_cast<int>(block_rows);
  // Long rows where there are too few of them for the SMs: several blocks share a row.
  const std::int64_t blocks = divide_up(p.rows, block_rows), iterations = divide_up(p.length, lanes);
  if (p.stages > 0 && iterations >= 32 && blocks < working) {
    const std::int64_t parts = std::min({divide_up(working, blocks), iterations / 8, std::int64_t{1024}});
    p.chunk = divide_up(divide_up(p.length, parts), lanes) * lanes;
    p.parts = static_cast<int>(divide_up(p.length, p.chunk));
  }
  p.held = p.parts == 1 && can_hold(request, p.iterations());
  return p;
}

}  // namespace triad::gpu::generator
