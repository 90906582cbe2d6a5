#pragma once
#include "sim/workload/layers/parts.hpp"

namespace triad::workload {

/// Scaled dot-product attention of several heads (Vaswani et al., 2017), with PyTorch's parameters
/// (torch.nn.MultiheadAttention, batch first): in_proj_weight [3 width, width] and out_proj.weight.
struct Attention {
  std::string name;
  TensorId query = -1, key = -1, value = -1;  ///< [batch, positions, width]
  std::int64_t heads = 1;
  bool causal = false;  ///< position i attends to 0 .. i
  TensorId mask = -1;   ///< [batch, key positions]: 1 where a position is attended to, 0 where not; -1: to all
  bool bias = true;
  double dropout = 0;  ///< of the attention's weights
};

/// What takes the place of minus infinity where attention is masked: finite, so that a row without any position is a
/// mean instead of NaN; e^(x + masked) is 0 for every score x.
inline constexpr double masked = -1e9;

/// [batch, query positions, width]. Throws std::invalid_argument.
TensorId attention(Builder& builder, const Attention& attention);

}  // namespace triad::workload
