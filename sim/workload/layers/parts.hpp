#pragma once
#include "sim/workload/layers/layer.hpp"

/// Small layers that larger ones are made of.
namespace triad::workload {

/// x with elements dropped; x itself where `probability` is 0, and in inference. Without a seed it
/// is a function of the name.
TensorId dropout(Builder& builder, const std::string& name, TensorId x, double probability,
                 std::optional<std::int64_t> seed = std::nullopt);
/// Weight and bias of a normalisation over the last axis.
TensorId layer_norm(Builder& builder, const std::string& name, TensorId x, double epsilon);
/// A linear layer with PyTorch's names and initial range.
TensorId linear(Builder& builder, const std::string& name, TensorId x, std::int64_t out_features, bool bias = true);

}  // namespace triad::workload
