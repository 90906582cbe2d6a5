#pragma once
#include <map>

#include "sim/device/host_tensor.hpp"
#include "sim/workload/network.hpp"

/// Seeded data for a network: something to learn, stated exactly.
namespace triad::workload {

/// The samples of every input and target. All draws are of Random(seed, stream) (random.hpp), u(i) its value i, uniform
/// in [-1, 1); element i counts over all samples.
///
/// An input, stream = its name: real values are u(i) * sqrt(3), variance 1; whole numbers floor((u(i) + 1) / 2 *
/// classes). A mask: row r has n - floor((u(r) + 1) / 2 * (n / 2 + 1)) ones, at least half of them, then zeros.
/// Lengths likewise.
///
/// A target comes from the first input. Its features are its elements per sample (a whole number k counts as eight:
/// values 8 k to 8 k + 7 of stream "tokens"), or every s-th of them: s is the least stride that leaves at most 4096,
/// and no more than 2^24 over all outputs. A hidden linear teacher, uniform in [-1, 1), stream "teacher" [outputs,
/// features], scores each sample (products summed in fp64 in order of features). A real target is the score rounded to
/// fp32; of bce, 1 where the score is positive, else 0; a class is that of the highest score. Where there is a class
/// per position of the input, the teacher scores the features of that position. Other classes (labels of ctc) are
/// drawn, stream = the name.
std::map<graph::TensorId, device::HostTensor> synthesize(const Network& network, std::uint64_t seed,
                                                         std::int64_t samples);

}  // namespace triad::workload
