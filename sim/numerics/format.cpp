#include "sim/numerics/format.hpp"

namespace triad::numerics {

int bytes_of(Format format) {
  switch (format) {
    case Format::int8:
      return 1;
    case Format::bf16:
    case Format::fp16:
      return 2;
    case Format::fp32:
    case Format::tf32:
    case Format::int32:
      return 4;
  }
  return 0;
}

std::string to_string(Format format) {
  switch (format) {
    case Format::fp32:
      return "fp32";
    case Format::bf16:
      return "bf16";
    case Format::fp16:
      return "fp16";
    case Format::tf32:
      return "tf32";
    case Format::int8:
      return "int8";
    case Format::int32:
      return "int32";
  }
  return "?";
}

}  // namespace triad::numerics
