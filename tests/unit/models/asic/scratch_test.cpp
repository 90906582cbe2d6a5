#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include "sim/reference/reference.hpp"
#include "support.hpp"
namespace triad::asic {
TEST(Scratch, Try) {
  const std::string preset = getenv("P") ? getenv("P") : "tiny", w = getenv("W") ? getenv("W") : "linear";
  std::vector<std::string> settings;
  for (int i = 0; i < 9; ++i)
    if (const char* s = getenv(("S" + std::to_string(i)).c_str())) settings.push_back(s);
  std::vector<std::string> dev;
  for (int i = 0; i < 9; ++i)
    if (const char* s = getenv(("D" + std::to_string(i)).c_str())) dev.push_back(s);
  const auto device = test::make(preset, dev);
  auto t0 = std::chrono::steady_clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - t0).count(); };
  const device::Job job = test::load(w, settings);
  std::cout << "load " << seconds() << " ops " << job.graph.ops.size() << std::endl;
  t0 = std::chrono::steady_clock::now();
  const auto program = device->lower(job);
  std::cout << "lower " << seconds() << " layers " << dynamic_cast<Program&>(*program).stream.size() << " bytes "
            << dynamic_cast<Program&>(*program).bytes << std::endl;
  {
    std::ifstream f("/proc/self/status");
    std::string l;
    while (std::getline(f, l))
      if (l.starts_with("VmHWM")) std::cout << l << std::endl;
  }
  if (getenv("DIS")) {
    auto& s = dynamic_cast<Program&>(*program);
    for (auto& d : s.stream) std::cout << s.graph.ops[d.tag].name << ": " << isa::disassemble(d) << "\n";
  }
  if (getenv("LOWER")) return;
  t0 = std::chrono::steady_clock::now();
  const auto r = getenv("HERE") ? device->run(*program, job, {.check = !getenv("NOCHECK")})
                                : test::run(*device, *program, job, {.check = !getenv("NOCHECK")});
  std::cout << "run " << seconds() << " s, cycles " << r.cycles << " bound " << r.bound_by << " util "
            << r.flops / r.seconds / r.peak_flops_per_second << " fits " << r.fits_memory << std::endl;
  if (getenv("UNITS"))
    for (auto& u : r.units) {
      std::cout << u.name << ":";
      for (auto& [s, c] : u.cycles) std::cout << " " << s << "=" << c;
      std::cout << "\n";
    }
  if (getenv("OPS"))
    for (auto& u : r.ops) {
      std::cout << u.name << ": " << u.begin_cycle << ".." << u.end_cycle << " (" << u.end_cycle - u.begin_cycle << ") "
                << u.bound_by << "\n";
    }
  if (job.values) {
    const auto ref = reference::run(job);
    for (std::size_t i = 0; i < r.loss.size(); ++i) std::cout << r.loss[i] << " (" << ref.loss[i] << ") ";
    std::cout << "\nmax error " << reference::max_error(r, ref) << std::endl;
    double worst = 0;
    for (auto& [n, e] : reference::weight_errors(r, ref)) worst = std::max(worst, e);
    std::cout << "worst weight " << worst << std::endl;
  }
}
}  // namespace triad::asic
