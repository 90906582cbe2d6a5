#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "models/gpu/isa/instruction.hpp"

namespace triad::gpu {

/// One parameter of a kernel, placed in the constant bank.
struct Parameter {
  std::string name;
  int offset_bytes = 0;  ///< from constant_parameters
  int size_bytes = 4;    ///< 4 or 8
};

/// The constant bank: launch dimensions, then the kernel's parameters (at the offset that current NVIDIA GPUs use).
inline constexpr std::uint32_t constant_ntid = 0x00;         ///< block dimensions x, y, z: 3 words
inline constexpr std::uint32_t constant_nctaid = 0x0c;       ///< grid dimensions x, y, z: 3 words
inline constexpr std::uint32_t constant_parameters = 0x160;  ///< first byte of the parameters

/// A compiled kernel. Execution begins at code[0] with all lanes that exist; every path ends in exit.
struct Kernel {
  std::string name;
  std::vector<Instruction> code;
  int registers_per_thread = 0;
  int shared_bytes = 0;  ///< static shared memory of a block
  std::vector<Parameter> parameters;
  int parameter_bytes = 0;
  /// Where a branch, an address or a guarded access depends on a value that was loaded: its timing then depends on
  /// data. Empty: nowhere.
  std::string data_dependence = {};
};

struct Dimensions {
  std::uint32_t x = 1, y = 1, z = 1;
  std::uint64_t count() const { return std::uint64_t{x} * y * z; }
  bool operator==(const Dimensions&) const = default;
};

/// One launch: grid and block dimensions and the values of the parameters, as the words of the constant bank.
struct Launch {
  Dimensions grid, block;
  std::vector<std::uint32_t> constants;  ///< word i is at byte 4 i of the constant bank
};

/// Makes a launch. `arguments[i]` is parameter i: an address or integer by value, an fp32 by its bits.
/// Throws std::invalid_argument when the number of arguments is not the kernel's.
Launch make_launch(const Kernel& kernel, Dimensions grid, Dimensions block,
                   const std::vector<std::uint64_t>& arguments);

/// The value of a special register: lane of warp in a block at `block_index` of a launch. Threads are numbered x
/// fastest; warp w holds threads 32 w .. 32 w + 31.
std::uint32_t special_value(Special which, const Launch& launch, Dimensions block_index, std::uint32_t warp,
                            std::uint32_t lane);

}  // namespace triad::gpu
