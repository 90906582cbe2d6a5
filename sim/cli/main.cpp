#include "models/architectures.hpp"
#include "sim/cli/cli.hpp"

int main(int argc, char** argv) {
  triad::device::Registry registry;
  triad::models::register_architectures(registry);
  return triad::cli::run(argc, argv, registry);
}
