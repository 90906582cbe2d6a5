#pragma once
#include "sim/workload/layers/scope.hpp"

/// `loss:` of a workload.
namespace triad::workload {

/// Builds the loss, a scalar, at the root of the network's graph, and adds what it compares with to its targets.
///
///     loss: cross_entropy
///     loss: {type: cross_entropy, from: logits, target: y, ignore_index: 0, weight: 0.5}
///     loss: [{type: ..., ...}, ...]         the weighted sum
///
/// Types, PyTorch's definitions with reduction 'mean': mse, l1, bce_with_logits, cross_entropy, ctc. Throws
/// config::Error.
void read_losses(Builder& builder, const LayerList& layers, const Scope& top, const config::Node& loss);

/// Connectionist temporal classification (Graves et al., 2006) as torch.nn.functional.ctc_loss computes it: the mean
/// over the batch of the negative log-likelihood divided by the length of the labels (at least 1).
struct Ctc {
  graph::TensorId log_probabilities = -1;  ///< [batch, time, classes]
  graph::TensorId labels = -1;             ///< int32 [batch, most labels], without blanks
  graph::TensorId input_lengths = -1;      ///< int32 [batch]; -1: all of the time
  graph::TensorId label_lengths = -1;      ///< int32 [batch]; -1: all labels
  std::int64_t blank = 0;                  ///< class
};
/// The forward recursion over alpha in the log domain, unrolled over time. Returns the scalar loss.
graph::TensorId ctc_loss(Builder& builder, const std::string& name, const Ctc& ctc);

}  // namespace triad::workload
