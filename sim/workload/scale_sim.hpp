#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "sim/workload/single_ops.hpp"

/// Topologies of SCALE-Sim: a CSV file with a header and one layer a line, in one of two forms. Source of both:
/// SCALE-Sim v2, scalesim/topology_utils.py (load_arrays_conv, load_arrays_gemm).
///
///     Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,
///     conv1,      224,          224,         7,             7,            3,        64,         2,
///
///     Layer, M, N, K,
///     fc,    1, 1000, 2048,
///
/// As SCALE-Sim reads them: the input stands with its padding; a ninth number is the stride along columns; a layer with
/// "DP" in its name is depth-wise, with `Num Filter` filters for each channel; where the stride does not divide, the
/// last window counts (the output is rounded up), for which the input is extended. The comma at the end of a line may
/// be left out.
namespace triad::workload {

/// The layers as operations at batch 1. Throws FileError: "NAME:line:column: what is wrong".
std::vector<SingleOp> decode_scale_sim(std::string_view text, const std::string& name);

/// Reads `topology: {scale_sim: file.csv}`. Throws config::Error at the file's name.
Network read_topology(const config::Node& topology, Format precision, bool values);

}  // namespace triad::workload
