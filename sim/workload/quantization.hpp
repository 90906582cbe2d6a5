#pragma once
#include "sim/device/job.hpp"

/// int8 inference: symmetric quantisation after training (Jacob et al., "Quantization and Training of Neural Networks
/// for Efficient Integer-Arithmetic-Only Inference", 2018; Nagel et al., "A White Paper on Neural Network
/// Quantization", 2021).
namespace triad::workload {

/// Puts int8 contractions in the place of the fp32 ones of a forward-only job:
///
///     q_x = quantize(x, s_x)    q_w = quantize(w, s_w)    y = dequantize(q_x · q_w, s_x s_w)       s = max |.| / 127
///
/// Weights (what depends on parameters and constants alone) have a scale per output channel where the contraction lets
/// them: the second operand of a matmul of matrices, of conv2d, of conv2d_dgrad without groups. All else has one scale
/// per tensor, calibrated: the reference runs the fp32 graph on the first `batches` batches and the largest magnitude
/// seen decides. What is all zeros has scale 1. A job without values gets the same graph without them.
void quantize(device::Job& job, int batches);

}  // namespace triad::workload
