#include "models/tpu/units/mxu.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

#include "sim/numerics/mac.hpp"

namespace triad::tpu {

using activity::State;

namespace {

float read_float(const std::byte* from) {
  float value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

/// Appends a block's rows as bf16, each padded with zeros to `width` elements: what the port's splitter delivers.
void append_bf16(std::vector<std::uint16_t>& out, const kit::Scratchpad& vmem, const Block& block, int part,
                 std::size_t width) {
  const std::byte* base = vmem.at(block.address);
  const std::vector<std::int64_t> rows = block.row_offsets(), columns = block.column_offsets();
  for (std::uint64_t row = 0; row < block.rows; ++row) {
    const std::byte* from = base + rows[row];
    const std::size_t begin = out.size();
    out.resize(begin + width, 0);
    if (block.format == Format::bf16) {
      for (std::uint64_t i = 0; i < block.columns; ++i) {
        std::memcpy(&out[begin + i], from + columns[i], sizeof(std::uint16_t));
      }
    } else {
      for (std::uint64_t i = 0; i < block.columns; ++i) {
        out[begin + i] = numerics::bf16_bits(numerics::bf16_part(read_float(from + columns[i]), part));
      }
    }
  }
}

}  // namespace

Mxu::Mxu(Machine& machine, int index)
    : Unit(fmt::format("mxu{}", index).c_str(), machine.clock),
      machine_(machine),
      weights_(machine, machine.parameters.weights_unit(index)),
      rows_(machine, machine.parameters.matrix_unit(index)),
      stack_(machine, fmt::format("mxu{}", index), activity::Resource::compute),
      macs_(stack_.track.add_action("mac_bf16", machine.technology.picojoules("mac_bf16"))) {
  const Parameters& p = machine.parameters;
  const double sram = machine.technology.sram_picojoules_per_byte(static_cast<double>(p.vmem.bank_bytes));
  read_ = stack_.track.add_action("vmem_read_bytes", sram);
  written_ = stack_.track.add_action("vmem_written_bytes", sram);
  systolic::CoreOptions options;
  options.rows = p.mxu.rows;
  options.columns = p.mxu.columns;
  options.backend = p.mxu.backend;
  options.stalls = p.mxu.stalls;
  options.name = fmt::format("mxu{}", index);
  core_ = systolic::make_core(options);
  machine.tokens.add_listener(*this);
}

void Mxu::use(std::vector<int>& uses, const std::string& who, const Block& block, kit::Access access, Cycle now) {
  for (const kit::Range& range : block.ranges()) uses.push_back(machine_.vmem.use(who, range, access, now));
}

void Mxu::issue_weights(const Issued& issued, Cycle now) {
  const auto& load = std::get<LoadWeights>(issued.instruction->body);
  const Block& block = load.weights;
  const auto rows = static_cast<std::size_t>(machine_.parameters.mxu.rows),
             columns = static_cast<std::size_t>(machine_.parameters.mxu.columns);
  InFlight entry{issued, {}, now, weights_.waited_for_memory()};
  use(entry.uses, std::string(name()) + " weights", block, kit::Access::read, now);
  systolic::WeightTile tile;
  tile.first_cycle = now + static_cast<Cycle>(machine_.parameters.vmem.latency_cycles);
  if (machine_.values) {
    tile.values.reserve(rows * columns);
    append_bf16(tile.values, machine_.vmem, block, load.part, columns);
    tile.values.resize(rows * columns, 0);
  }
  core_->push_weights(std::move(tile));
  tiles_.push_back(std::move(entry));
}

void Mxu::issue_rows(const Issued& issued, Cycle now) {
  const auto& multiply = std::get<MatrixMultiply>(issued.instruction->body);
  const Block &block = multiply.rows, &result = multiply.result;
  InFlight entry{issued, {}, now, rows_.waited_for_memory()};
  use(entry.uses, std::string(name()) + " rows", block, kit::Access::read, now);
  systolic::RowBurst burst;
  burst.first_cycle = now + static_cast<Cycle>(machine_.parameters.vmem.latency_cycles);
  burst.count = static_cast<int>(block.rows);
  burst.swap = multiply.swap;
  if (machine_.values) {
    append_bf16(burst.values, machine_.vmem, block, multiply.part,
                static_cast<std::size_t>(machine_.parameters.mxu.rows));
  }
  core_->push_rows(std::move(burst));
  // The result port adds rows in order, so that bursts into one block may overlap.
  use(entry.uses, name(), result, kit::Access::add, now);
  bursts_.push_back(std::move(entry));
}

void Mxu::complete_weights(const systolic::WeightsDone& done, Cycle now) {
  const InFlight tile = std::move(tiles_.front());
  tiles_.pop_front();
  filled_.push_back({done.first_accept, done.last_accept + 1, tile.waited_for_memory});
  const Block& block = std::get<LoadWeights>(tile.issued.instruction->body).weights;
  stack_.track.count(read_, block.rows * block.row_bytes(), done.first_accept, done.last_accept + 1);
  for (const int use : tile.uses) machine_.vmem.release(use);
  machine_.tokens.signal(weights_.unit(), now);
}

void Mxu::record_drain(Cycle until) {
  stack_.record(State::drain, drain_tag_, 0, std::min(until, drain_end_));
}

void Mxu::complete_rows(const systolic::RowsDone& done, Cycle now) {
  const InFlight burst = std::move(bursts_.front());
  bursts_.pop_front();
  const auto& multiply = std::get<MatrixMultiply>(burst.issued.instruction->body);
  const Block& out = multiply.result;
  const auto columns = static_cast<std::size_t>(machine_.parameters.mxu.columns);
  if (machine_.values) {
    std::byte* base = machine_.vmem.at(out.address);
    const std::vector<std::int64_t> row_at = out.row_offsets(), column_at = out.column_offsets();
    for (std::uint64_t row = 0; row < out.rows; ++row) {
      for (std::uint64_t column = 0; column < out.columns; ++column) {
        std::byte* to = base + row_at[row] + column_at[column];
        float value = done.values[row * columns + column];
        if (multiply.accumulate) value = numerics::add_flushed(read_float(to), value);
        std::memcpy(to, &value, sizeof value);
      }
    }
  }
  // Priority of states: busy (a row is admitted), fill (weights enter the array, or rows its input), drain (results
  // leave), waiting for weights while rows are there, idle.
  const activity::Tag tag = burst.issued.tag();
  Cycle entered = done.first_admit, rows_enter = burst.since;
  if (multiply.swap) {
    const Fill fill = filled_.front();
    filled_.pop_front();
    entered = std::min(entered, fill.from);
    rows_enter = std::max(rows_enter, fill.from);
    record_drain(fill.from);
    stack_.record(fill.waited_for_memory ? State::memory : State::operands, {}, burst.since, fill.from);
    stack_.record(State::fill, tag, fill.from, fill.to);
  }
  record_drain(rows_enter);
  stack_.record(State::fill, tag, rows_enter, done.first_admit);
  stack_.record(State::busy, tag, done.first_admit, done.last_admit + 1);
  drain_tag_ = tag;
  drain_end_ = done.last_take + 1;
  const std::uint64_t macs = multiply.rows.rows * multiply.rows.columns * out.columns;
  stack_.track.count(macs_, macs, done.first_admit, done.last_take + 1);
  stack_.track.count(
      read_, multiply.rows.rows * multiply.rows.row_bytes() + (multiply.accumulate ? out.rows * out.row_bytes() : 0),
      done.first_admit, done.last_take + 1);
  stack_.track.count(written_, out.rows * out.row_bytes(), done.first_take, done.last_take + 1);
  if (multiply.completes) stack_.track.work(macs);
  stack_.track.array(tag, entered, done.last_take);
  for (const int use : burst.uses) machine_.vmem.release(use);
  machine_.tokens.signal(rows_.unit(), now);
}

void Mxu::step() {
  const Cycle now = cycle();
  core_->advance_to(now);
  while (const auto done = core_->next_weights()) complete_weights(*done, now);
  while (const auto done = core_->next_rows()) complete_rows(*done, now);
  if (tiles_.size() < static_cast<std::size_t>(machine_.parameters.mxu.weight_tiles)) {
    if (const Issued* next = weights_.ready(now)) {
      issue_weights(*next, now);
      weights_.pop(now);
      wake_at(now + 1);
    }
  }
  if (bursts_.size() < static_cast<std::size_t>(machine_.parameters.mxu.bursts)) {
    if (const Issued* next = rows_.ready(now)) {
      issue_rows(*next, now);
      rows_.pop(now);
      wake_at(now + 1);
    }
  }
  const Cycle next = core_->next_cycle();
  if (next != systolic::never) wake_at(std::max(next, now + 1));
}

void Mxu::finish() {
  record_drain(never);
  core_->advance_to(cycle());
  core_->finish();
}

std::string Mxu::waits_for() const {
  const std::string weights = weights_.waits_for(cycle()), rows = rows_.waits_for(cycle());
  if (!bursts_.empty() && tiles_.empty() && weights.empty())
    return "rows are offered, but no weights were loaded for them";
  return weights.empty() ? rows : rows.empty() ? weights : weights + "; " + rows;
}

}  // namespace triad::tpu
