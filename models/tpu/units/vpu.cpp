#include "models/tpu/units/vpu.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

#include "models/tpu/units/vector_functions.hpp"
#include "sim/device/device.hpp"

namespace triad::tpu {

namespace {

std::vector<float> read_floats(const kit::Scratchpad& vmem, const Block& block) {
  std::vector<float> values;
  values.reserve(block.rows * block.columns);
  for (std::uint64_t row = 0; row < block.rows; ++row) {
    const std::byte* from = vmem.at(block.address + row * block.pitch);
    for (std::uint64_t i = 0; i < block.columns; ++i) {
      if (block.format == Format::bf16) {
        std::uint16_t bits;
        std::memcpy(&bits, from + 2 * i, sizeof bits);
        values.push_back(numerics::bf16_value(bits));
      } else {
        float value;
        std::memcpy(&value, from + 4 * i, sizeof value);
        values.push_back(value);
      }
    }
  }
  return values;
}

/// Values in the block's format, row by row.
std::vector<std::byte> bytes_of(const Block& block, const std::vector<float>& values) {
  std::vector<std::byte> bytes(block.rows * block.row_bytes());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (block.format == Format::bf16) {
      const std::uint16_t bits = numerics::bf16_bits(values[i]);
      std::memcpy(bytes.data() + 2 * i, &bits, sizeof bits);
    } else {
      std::memcpy(bytes.data() + 4 * i, &values[i], sizeof values[i]);
    }
  }
  return bytes;
}

bool at_same_place(const std::vector<Block>& blocks, const Block& block) {
  return std::any_of(blocks.begin(), blocks.end(), [&](const Block& other) { return other.address == block.address; });
}

}  // namespace

PipelinedUnit::Work Vpu::begin(const Issued& issued, Cycle now) {
  const auto& v = std::get<Vector>(issued.instruction->body);
  Work work;
  VectorValues values;
  for (const Block& block : v.inputs) {
    // An input that is an output too is updated in place: one use.
    if (!at_same_place(v.outputs, block))
      work.uses.push_back(machine_.vmem.use(name(), range_of(block), kit::Access::read, now));
    work.vmem_bytes += block.rows * block.row_bytes();
    if (block.format == Format::int32) {
      for (std::uint64_t row = 0; row < block.rows; ++row) {
        std::int32_t number;
        std::memcpy(&number, machine_.vmem.at(block.address + row * block.pitch), sizeof number);
        const auto classes = static_cast<std::int64_t>(v.inputs[0].columns);
        if (number < 0 || number >= classes) {
          throw device::Fault(fmt::format("cycle {}: vpu reads class number {} of {} classes", now, number, classes));
        }
        values.classes.push_back(number);
      }
    } else {
      values.inputs.push_back(read_floats(machine_.vmem, block));
    }
  }
  for (const Block& block : v.outputs) {
    const bool reads = v.accumulate || at_same_place(v.inputs, block);
    work.uses.push_back(
        machine_.vmem.use(name(), range_of(block), reads ? kit::Access::update : kit::Access::write, now));
    values.outputs.push_back(read_floats(machine_.vmem, block));
    work.vmem_bytes += block.rows * block.row_bytes();
  }
  const int lanes = machine_.parameters.vpu.lanes;
  evaluate(v, lanes, values);
  for (std::size_t i = 0; i < v.outputs.size(); ++i) {
    work.results.emplace_back(v.outputs[i], bytes_of(v.outputs[i], values.outputs[i]));
  }
  const Cost taken = cost(v, lanes);
  work.occupancy = taken.cycles;
  work.operations = taken.operations;
  return work;
}

}  // namespace triad::tpu
