#include "models/asic/units/loader.hpp"

#include <fmt/format.h>

#include <cstring>

#include "sim/device/device.hpp"
#include "sim/numerics/format.hpp"

namespace triad::asic {

using activity::State;
using isa::Field;

namespace {
std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}
}  // namespace

Loader::Loader(const sc_core::sc_module_name& name, kit::Clock clock, OperandPort port, const Parameters& parameters,
               Buffer& buffer, Scoreboard& scoreboard, MemoryInterface& memory, TileSink& sink,
               activity::Recorder& recorder, const activity::Technology& technology)
    : Unit(name, clock),
      port_(port),
      parameters_(parameters),
      buffer_(buffer),
      scoreboard_(scoreboard),
      memory_(memory),
      sink_(sink),
      client_(memory.add_client(static_cast<const char*>(name))),
      track_(recorder, static_cast<const char*>(name), clock, activity::Resource::compute),
      write_action_(track_.add_action("buffer_bytes_written", technology.sram_picojoules_per_byte(
                                                                  static_cast<double>(parameters.gemm.bank_bytes)))) {
  scoreboard.subscribe(*this);
}

void Loader::program(const Layer& layer) {
  layers_.push_back(layer);
  wake_at(layer.enabled);
}

Loader::Tile Loader::tile(const Layer& layer) const {
  const bool a = port_ == OperandPort::activations;
  const auto field = [&](Field of_a, Field of_b) { return layer.get(a ? of_a : of_b); };
  return {layer.get(a ? Field::rows : Field::columns),
          layer.get(Field::depth),
          field(Field::a_transposed, Field::b_transposed) != 0,
          field(Field::a_reuse, Field::b_reuse) != 0,
          static_cast<int>(field(Field::a_bank, Field::b_bank)),
          static_cast<int>(field(Field::a_banks, Field::b_banks)),
          static_cast<int>(layer.get(Field::parts)),
          static_cast<isa::Storage>(layer.get(Field::storage_in)) == isa::Storage::bf16 ? 2 : 4,
          a ? layer.a : layer.b};
}

void Loader::check(const Layer& layer, const Tile& t) const {
  const auto fault = [&](const std::string& what) {
    throw device::Fault(fmt::format("{}: layer {} (step {}): {}", name(), layer.index, layer.step, what));
  };
  if (t.vectors < 1 || t.depth < 1) fault("an empty tile");
  if (t.depth * t.vectors > 1 && t.stream.pitch < (t.transposed ? t.vectors : t.depth) * t.element_bytes) {
    fault(fmt::format("rows of {} values lie {} bytes apart", t.transposed ? t.vectors : t.depth, t.stream.pitch));
  }
  if (t.banks < 1 || t.bank + t.banks > buffer_.banks()) fault("banks that the buffer does not have");
  if (t.parts != (t.element_bytes == 4 ? 3 : 1)) fault("fp32 values have three parts, bf16 values one");
  const std::int64_t padded = ceil_div(t.depth, buffer_.line_words()) * buffer_.line_words();
  if (static_cast<std::uint64_t>(t.vectors) * static_cast<std::uint64_t>(padded * t.parts) > buffer_.words(t.banks)) {
    fault(
        fmt::format("a tile of {} x {} in {} parts does not fit into {} banks", t.vectors, t.depth, t.parts, t.banks));
  }
}

void Loader::step() {
  if (loading_ || layers_.empty()) return;
  const Layer& layer = layers_.front();
  if (layer.enabled > cycle()) return wake_at(layer.enabled);
  const Tile next = tile(layer);
  check(layer, next);
  if (next.reuse) {
    // The tile of the layer before stays where it is.
    current_ = next;
    const Layer same = layer;
    layers_.pop_front();
    sink_.loaded(port_, same.index, std::max(same.enabled, complete_));
    if (!layers_.empty()) wake_at(layers_.front().enabled);
    return;
  }
  const Cycle run = layer.may_run(scoreboard_), banks = buffer_.free_at(next.bank, next.banks);
  if (run == never || banks == never) return;  // woken when a layer is done
  const Cycle begin_cycle = std::max(run, banks);
  if (begin_cycle > cycle()) return wake_at(begin_cycle);
  current_ = next;
  begin(layer);
}

void Loader::begin(const Layer& layer) {
  loading_ = true;
  const Tile& t = current_;
  buffer_.take(t.bank, t.banks);
  place_ = {buffer_.begin(t.bank), t.vectors, ceil_div(t.depth, buffer_.line_words()) * buffer_.line_words()};
  // Padding reads as zero; it is valid with its line.
  std::memset(buffer_.at(place_.begin), 0,
              sizeof(std::uint16_t) * static_cast<std::size_t>(t.vectors * place_.padded_depth * t.parts));
  free_ = std::max(free_, cycle());
  const std::int64_t rows = t.transposed ? t.depth : t.vectors, columns = t.transposed ? t.vectors : t.depth;
  const auto requests =
      bursts(t.stream.address, static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(columns * t.element_bytes),
             t.stream.pitch, parameters_.burst_bytes, false, layer.tag());
  outstanding_ = requests.size();
  for (const memory::Request& request : requests) {
    Transfer transfer;
    transfer.request = request;
    transfer.from = cycle() + 1;
    transfer.done = [this, request](Cycle first, Cycle last, const std::vector<std::byte>& data) {
      arrived(request, first, last, data);
    };
    memory_.submit(client_, std::move(transfer));
  }
}

void Loader::arrived(const memory::Request& request, Cycle first, Cycle last, const std::vector<std::byte>& data) {
  const Tile& t = current_;
  const auto elements = static_cast<std::int64_t>(data.size()) / t.element_bytes;
  const Cycle from = std::max(free_, first);
  const Cycle writes = static_cast<Cycle>(ceil_div(elements, parameters_.gemm.loader_lanes));
  const Cycle to = std::max(from + writes, last + 1);
  track_.state(State::memory, request.tag, free_, to - writes);
  track_.state(State::busy, request.tag, to - writes, to);
  track_.count(write_action_, static_cast<std::uint64_t>(elements * t.parts * 2), to - writes, to);
  free_ = to;
  store(request, data);
  if (--outstanding_ == 0) finish();
}

/// Writes the elements of one request into the buffer: element (row, column) of the matrix in memory is channel
/// `column` of vector `row`, or the other way round.
void Loader::store(const memory::Request& request, const std::vector<std::byte>& data) {
  const Tile& t = current_;
  const auto size = static_cast<std::uint64_t>(t.element_bytes);
  const auto rows = static_cast<std::uint64_t>(t.transposed ? t.depth : t.vectors);
  const auto columns = static_cast<std::uint64_t>(t.transposed ? t.vectors : t.depth);
  const auto pitch = static_cast<std::uint64_t>(t.stream.pitch);
  std::uint64_t source = 0;
  for (std::uint64_t r = 0; r < request.rows; ++r) {
    const std::uint64_t offset =
        request.address - t.stream.address + static_cast<std::uint64_t>(static_cast<std::int64_t>(r) * request.stride);
    std::uint64_t row = rows > 1 ? offset / pitch : 0, column = (offset - row * pitch) / size;
    for (std::uint64_t i = 0; i < request.row_bytes / size; ++i, source += size, ++column) {
      if (column == columns) column = 0, ++row;  // rows without a gap run on in one request
      const auto vector = static_cast<std::int64_t>(t.transposed ? column : row);
      const auto channel = static_cast<std::int64_t>(t.transposed ? row : column);
      if (size == 4) {
        float value;
        std::memcpy(&value, data.data() + source, 4);
        for (int part = 0; part < t.parts; ++part) {
          *buffer_.at(place_.word(vector, part, channel)) = numerics::bf16_bits(numerics::bf16_part(value, part));
        }
      } else {
        std::memcpy(buffer_.at(place_.word(vector, 0, channel)), data.data() + source, 2);
      }
    }
  }
}

void Loader::finish() {
  const Layer layer = layers_.front();
  layers_.pop_front();
  loading_ = false;
  complete_ = free_;
  if (current_.transposed) {
    // The last square is turned: its columns leave in as many cycles as it has rows.
    const Cycle turned = complete_ + static_cast<Cycle>(parameters_.gemm.loader_lanes);
    track_.state(State::drain, layer.tag(), complete_, turned);
    complete_ = free_ = turned;
  }
  const auto words = static_cast<std::size_t>(place_.vectors * place_.padded_depth * current_.parts);
  for (std::size_t word = 0; word < words; word += static_cast<std::size_t>(buffer_.line_words())) {
    buffer_.valid_from(place_.begin + word, complete_);
  }
  sink_.loaded(port_, layer.index, complete_);
  wake_at(complete_);
}

std::string Loader::waits_for() const {
  if (loading_) return fmt::format("{} requests of layer {}", outstanding_, layers_.front().index);
  if (layers_.empty()) return {};
  const std::string layers = layers_.front().waits_for(scoreboard_);
  if (!layers.empty()) return layers;
  const Tile next = tile(layers_.front());
  if (!next.reuse && buffer_.free_at(next.bank, next.banks) == never) {
    return fmt::format("layer {} waits for banks {}..{} to be released", layers_.front().index, next.bank,
                       next.bank + next.banks - 1);
  }
  return {};
}

}  // namespace triad::asic
