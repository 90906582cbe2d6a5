#pragma once
#include "sim/config/node.hpp"
#include "sim/workload/layers/builder.hpp"

/// ONNX models as torch.onnx.export writes them, operator sets 9 to 17, into a forward graph. The backward pass is
/// ours.
namespace triad::workload {

/// Reads `model:` of a workload.
///
///     model:
///       onnx: net.onnx
///       inputs: {x: {shape: [8, 3, 32, 32]}, tokens: {classes: 1000}}   # where the model leaves an extent open, or
///       the
///                                                                       # range of whole numbers
///       constants: [pos.table]                                          # initializers that are not trained
///
/// - An initializer of real numbers with at least one axis is a parameter under its own name (PyTorch's state-dict name
///   where the exporter kept it), trained from the stored values, wherever an op of the graph reads it. Not so: running
///   statistics (a state that follows the batches), sizes and bounds that must be known at import, what has an infinity
///   in it (a mask), and the names under `constants`.
/// - What is made of constants and shapes is computed at import.
/// - A single input is the array "x" of the data; of several each has its own name. An input of whole numbers is int32;
///   its numbers are below the rows of the table that they index.
/// - The network's output is the model's first; a loss may name any of them, and any input, under `from` and `target`.
///
/// With bf16 or fp16 the operands of every contraction are cast to it. Throws config::Error at the file's name: what is
/// wrong with which node, and for an unknown operator the nearest that is known.
void read_onnx(const config::Node& model, Builder& builder);

}  // namespace triad::workload
