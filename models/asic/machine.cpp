#include "models/asic/machine.hpp"

#include "models/kit/simulation.hpp"
#include "models/memory/image.hpp"

namespace triad::asic {

using isa::Engine;

Machine::Machine(const Parameters& parameters, const memory::Parameters& memory, const activity::Technology& technology,
                 const Program& program, const device::Job& job, bool check, activity::Recorder& recorder)
    : clock_(parameters.clock_hz),
      program_(program),
      steps_(job.steps),
      recorder_(recorder),
      memory_("memory", memory, recorder, technology),
      buffer_(parameters),
      interface_("interface", clock_, memory_, check),
      command_("command", clock_, parameters, program, job.steps, scoreboard_, interface_, recorder, technology),
      array_("mac", clock_, parameters, buffer_, scoreboard_, recorder, technology, check),
      activations_("loader_activations", clock_, OperandPort::activations, parameters, buffer_, scoreboard_, interface_,
                   array_, recorder, technology),
      weights_("loader_weights", clock_, OperandPort::weights, parameters, buffer_, scoreboard_, interface_, array_,
               recorder, technology),
      pointwise_("pointwise", clock_, parameters, scoreboard_, interface_, array_, recorder, technology),
      update_("update", clock_, parameters, scoreboard_, interface_, recorder, technology) {
  recorder.add_static_power(parameters.static_watts);
  array_.connect(pointwise_, {&activations_, &weights_});
  command_.connect(Engine::gemm, activations_);
  command_.connect(Engine::gemm, weights_);
  command_.connect(Engine::gemm, array_);
  command_.connect(Engine::pointwise, pointwise_);
  command_.connect(Engine::update, update_);

  memory::place(memory_.contents(), program.map, job);
  for (std::size_t i = 0; i < program.stream.size(); ++i) {
    const isa::Encoded words = isa::encode(program.stream[i]);
    memory_.contents().write(program.stream_base + i * isa::descriptor_bytes,
                             reinterpret_cast<const std::byte*>(words.data()), isa::descriptor_bytes);
  }
}

bool Machine::finished() const {
  for (int e = 0; e < isa::engine_count; ++e) {
    const auto engine = static_cast<Engine>(e);
    if (scoreboard_.layers(engine) != program_.layers[static_cast<std::size_t>(e)] * steps_) return false;
  }
  return command_.finished();
}

void Machine::run(const device::RunOptions& options) {
  command_.start();
  kit::simulate({&command_, &interface_, &activations_, &weights_, &array_, &pointwise_, &update_}, clock_, options,
                [this] { return finished(); });
  // Done counters may be known before their cycle has come.
  Cycle end = clock_.at(kit::now());
  for (int e = 0; e < isa::engine_count; ++e) {
    const auto engine = static_cast<Engine>(e);
    end = std::max(end, scoreboard_.ready_at(engine, scoreboard_.layers(engine)));
  }
  recorder_.finish(clock_.time_of(end));
}

}  // namespace triad::asic
