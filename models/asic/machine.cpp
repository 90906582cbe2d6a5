#include "models/asic/machine.hpp"

#include "models/memory/image.hpp"

namespace triad::asic {

using isa::Engine;

namespace {

std::vector<std::uint32_t> encoded(const Program& program) {
  std::vector<std::uint32_t> words;
  for (const isa::Descriptor& layer : program.stream) {
    const std::vector<std::uint32_t> one = isa::encode(layer);
    words.insert(words.end(), one.begin(), one.end());
  }
  return words;
}

}  // namespace

Machine::Machine(const Parameters& parameters, const memory::Parameters& memory, const activity::Technology& technology,
                 const Program& program, const device::Job& job, bool check, activity::Recorder& recorder)
    : clock_(parameters.clock_hz),
      program_(program),
      steps_(job.steps),
      stream_(encoded(program)),
      memory_("memory", memory, recorder, technology, check),
      buffer_(parameters),
      interface_("interface", clock_, memory_, std::max(memory.capacity, program.bytes), job.values, check),
      command_("command", clock_, parameters, program, static_cast<std::int64_t>(stream_.size()) / isa::line_words,
               job.steps, scoreboard_, interface_, recorder, technology),
      array_("mac", clock_, parameters, buffer_, scoreboard_, recorder, technology, job.values, check),
      activations_("loader_activations", clock_, OperandPort::activations, parameters, buffer_, scoreboard_, interface_,
                   array_, recorder, technology),
      weights_("loader_weights", clock_, OperandPort::weights, parameters, buffer_, scoreboard_, interface_, array_,
               recorder, technology),
      pointwise_("pointwise", clock_, Engine::pointwise, parameters, parameters.pointwise, scoreboard_, interface_,
                 recorder, technology),
      update_("update", clock_, Engine::update, parameters, parameters.update, scoreboard_, interface_, recorder,
              technology),
      reshape_("reshape", clock_, Engine::reshape, parameters, parameters.reshape, scoreboard_, interface_, recorder,
               technology),
      pooling_("pooling", clock_, parameters, scoreboard_, interface_, recorder, technology),
      indexed_("indexed", clock_, parameters, scoreboard_, interface_, recorder, technology) {
  recorder.add_static_power(parameters.static_watts);
  array_.connect(pointwise_, {&activations_, &weights_});
  pointwise_.connect(array_);
  activations_.connect(weights_);
  weights_.connect(activations_);
  for (LayerSink* sink : std::initializer_list<LayerSink*>{&activations_, &weights_, &array_}) {
    command_.connect(Engine::gemm, *sink);
  }
  command_.connect(Engine::pointwise, pointwise_);
  command_.connect(Engine::update, update_);
  command_.connect(Engine::reshape, reshape_);
  command_.connect(Engine::pooling, pooling_);
  command_.connect(Engine::indexed, indexed_);

  memory::place(memory_.contents(), program.map, job);
  memory_.contents().write(program.stream_base, reinterpret_cast<const std::byte*>(stream_.data()), 4 * stream_.size());
}

bool Machine::finished() const {
  for (int e = 0; e < isa::engine_count; ++e) {
    const auto engine = static_cast<Engine>(e);
    if (scoreboard_.layers(engine) != program_.layers[static_cast<std::size_t>(e)] * steps_) return false;
  }
  return command_.finished();
}

kit::Time Machine::end() const {
  Cycle end = clock_.at(kit::now());
  for (int e = 0; e < isa::engine_count; ++e) {
    const auto engine = static_cast<Engine>(e);
    end = std::max(end, scoreboard_.ready_at(engine, scoreboard_.layers(engine)));
  }
  return clock_.time_of(end);
}

int Machine::steps_done() const {
  std::int64_t steps = steps_;
  for (int e = 0; e < isa::engine_count; ++e) {
    const std::int64_t of_step = program_.layers[static_cast<std::size_t>(e)];
    if (of_step > 0) steps = std::min(steps, scoreboard_.layers(static_cast<Engine>(e)) / of_step);
  }
  return static_cast<int>(steps);
}

std::vector<const kit::Unit*> Machine::units() const {
  return {&command_,   &interface_, &activations_, &weights_, &array_,
          &pointwise_, &update_,    &reshape_,     &pooling_, &indexed_};
}

}  // namespace triad::asic
