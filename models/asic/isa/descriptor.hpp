#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "models/kit/memory_map.hpp"
#include "sim/graph/formula.hpp"

/// Layer descriptors: what the command processor reads from memory and writes into an engine's register group. One list
/// of fields (fields.hpp) gives every field its name, width and sign; encoding, decoding and disassembly come from it.
namespace triad::asic::isa {

/// The engines that execute hardware layers. Each runs its own in the order of the command stream.
enum class Engine : std::uint8_t { gemm, pointwise, update, reshape, pooling, indexed };
inline constexpr int engine_count = 6;
const char* to_string(Engine engine);

/// How an element lies in memory.
enum class Storage : std::uint8_t { fp32, bf16, int32 };
inline constexpr int storage_count = 3;
int bytes_of(Storage storage);

/// An operand or result in memory: element i of the layer's space at base + (step mod period) * step + (sum of i[axis]
/// * strides[axis]) elements. A stride of 0 repeats (of a result: one value per row).
struct Stream {
  kit::StepAddress address;
  Storage storage = Storage::fp32;
  int term = 0;  ///< of a result: the term of the microprogram that it holds
  std::vector<std::int64_t> strides;
  bool operator==(const Stream&) const;
};

/// What an axis of the space means to a layer that flies: which index of the product it is part of.
enum class Role : std::uint8_t { batch, row, column };

struct Axis {
  std::int64_t extent = 1;
  bool reduced = false;
  Role role = Role::batch;
  bool operator==(const Axis&) const = default;
};

/// A step of a microprogram: a term of a graph::Formula. `value`: the bits of a constant in fp32, or the seed.
struct Term {
  graph::Function function = graph::Function::operand;
  std::array<int, 3> arguments = {-1, -1, -1};
  std::uint32_t value = 0;
  bool operator==(const Term&) const = default;
};

/// A coordinate of an image that an operand is read at: (vector * v_step + channel * k_step + offset) / divisor, where
/// vector and channel are the operand's second or third index of that kind. What is not divisible or outside [0,
/// extent) is zero: padding, and the holes of a strided convolution's gradient.
struct Guard {
  std::int64_t v_step = 0, k_step = 0, offset = 0, divisor = 1, extent = 1;
  bool operator==(const Guard&) const = default;
};

/// An operand of the MAC array: a matrix of vectors of channels, whose numbers are row-major indices of three axes
/// each. Where `guarded`, the second and third axes of both make the two coordinates of an image instead, v_stride[1]
/// and [2] elements apart: im2col without an expanded tensor.
struct Matrix {
  kit::StepAddress address;
  std::int64_t batch_stride = 0;
  std::array<std::int64_t, 3> v_extent = {1, 1, 1}, v_stride{}, k_extent = {1, 1, 1}, k_stride{};
  bool guarded = false;
  std::array<Guard, 2> guard;
  bool operator==(const Matrix&) const;
};

/// A contraction and how the engine walks it: `batches` products of rows x depth and depth x columns, in tiles, the
/// innermost loop over channels, the middle one over columns (over rows when `columns_outer`).
struct Gemm {
  Storage storage = Storage::bf16;
  int parts = 1;
  std::int64_t batches = 1, rows = 1, columns = 1, depth = 1;
  std::int64_t tile_rows = 1, tile_columns = 1, tile_depth = 1;
  bool columns_outer = false;
  int a_bank = 0, a_banks = 1, b_bank = 0, b_banks = 1;  ///< of the first slot; the second lies behind it
  Matrix a, b;
  bool operator==(const Gemm&) const = default;
};

/// Pooling: windows over the last two axes of `planes` images.
struct Window {
  enum class Kind : std::uint8_t { maximum, maximum_gradient, average, average_gradient };
  Kind kind = Kind::maximum;
  std::int64_t planes = 1, height = 1, width = 1, out_height = 1, out_width = 1;
  std::array<std::int64_t, 2> kernel = {1, 1}, stride = {1, 1}, padding = {0, 0};
  bool include_padding = false;
  bool operator==(const Window&) const = default;
};

/// Rows of a table by index: read (gather) or added to (scatter_add).
struct Indexed {
  bool scatter = false;
  std::int64_t count = 1, rows = 1, width = 1;  ///< indices; rows of the table; elements of a row
  bool operator==(const Indexed&) const = default;
};

/// A layer.
struct Descriptor {
  Engine engine = Engine::gemm;
  int tag = 0;  ///< number of the op, for the record
  /// Layers of an engine, counted from the beginning of the step, that must be done before this one begins; 0 or less:
  /// counted back into the step before.
  std::array<std::int64_t, engine_count> wait{};
  bool flying = false;  ///< operand 0 comes from the delivery buffer; `gemm` says in which tiles
  Gemm gemm;
  std::vector<Axis> axes;
  std::vector<Stream> operands, results;
  std::vector<Term> terms;
  Window window;
  Indexed indexed;

  bool operator==(const Descriptor&) const = default;
};

/// The microprogram as a formula over the layer's space.
graph::Formula formula_of(const Descriptor& descriptor);

/// A descriptor is one or more lines of 32 words; the lowest byte of the first says how many.
inline constexpr int line_words = 32;
inline constexpr std::size_t line_bytes = 4 * line_words;
inline constexpr int most_axes = 8, most_operands = 15, most_results = 15, most_terms = 255;

/// Throws std::out_of_range naming the field when a value does not fit its width.
std::vector<std::uint32_t> encode(const Descriptor& descriptor);
/// Lines of the descriptor that begins with this word.
int lines_of(std::uint32_t first_word);
/// Throws std::invalid_argument when a code has no meaning, a term reads a later one, or words are missing.
Descriptor decode(std::span<const std::uint32_t> words);
/// One line: engine, then every field that is not zero.
std::string disassemble(const Descriptor& descriptor);

}  // namespace triad::asic::isa
