#pragma once
#include <string>
#include <vector>

#include "models/gpu/isa/kernel.hpp"
#include "sim/graph/formula.hpp"
#include "sim/graph/movement.hpp"

/// From a formula to kernels: PTX text made for its space, strides and formats, which the compiler of this machine
/// takes like any other. README.md states the schemes.
namespace triad::gpu::generator {

/// A tensor as a formula reads or writes it.
struct Access {
  std::vector<std::int64_t> strides;  ///< elements from one index to the next along each axis of the space
  numerics::Format format = numerics::Format::fp32;
  bool raw = false;  ///< the stored bits are taken as they are: of copies
};

/// What is to be computed. All offsets are below 2^31 elements.
struct Request {
  graph::Formula formula;  ///< its own strides are not looked at
  std::vector<Access> operands;
  std::vector<Access> results;  ///< those of a result per row are 0 along the reduced axes
  int sms = 1;                  ///< that are to have work
};

/// The request of a formula whose results are dense (graph::Formula::results).
Request request_of(const graph::Formula& formula, const std::vector<numerics::Format>& operands,
                   const std::vector<numerics::Format>& results, int sms);

/// The request of a strided copy of elements of this format (operand 0 to result 0; offsets are the addresses').
Request request_of(const graph::Copy& copy, numerics::Format format, int sms);

/// The request that gives every one of `count` elements this value.
Request request_of_fill(double value, std::int64_t count, numerics::Format format, int sms);

/// A launch of the kernel `text`. Its parameters are the addresses of the operands, of the results, and, where the
/// formula needs it, of scratch memory.
struct Launch {
  std::string text;  ///< PTX with one kernel, of the name `kernel_name`
  Dimensions grid, block;
};
inline constexpr const char* kernel_name = "formula";

struct Launches {
  std::vector<Launch> launches;  ///< in order
  std::int64_t scratch_bytes = 0;
};

/// How the points of a formula are given to threads. Threads of a block: `lanes` of each of `block_rows` rows.
struct Plan {
  std::int64_t rows = 1, length = 1;
  bool inner = true;  ///< neighbouring threads take neighbouring positions of a row, else neighbouring rows
  int lanes = 1;      ///< threads that share a row, a power of two
  int block_rows = 1;
  int parts = 1;           ///< blocks that share a row
  std::int64_t chunk = 1;  ///< positions of a part
  int stages = 0;          ///< of reductions
  bool held = true;        ///< a thread holds all its values of a row in registers
  int threads() const { return lanes * block_rows; }
  std::int64_t iterations() const { return (chunk + lanes - 1) / lanes; }
};
Plan plan(const Request& request);

Launches generate(const Request& request);

}  // namespace triad::gpu::generator
