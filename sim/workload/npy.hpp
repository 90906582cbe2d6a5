#pragma once
#include <span>
#include <string>
#include <vector>

#include "sim/device/host_tensor.hpp"

/// One array in NPY format, in memory. Used by npz.cpp.
namespace triad::workload {

/// Decodes an NPY file. Throws NpzError with a message that starts with `name`.
device::HostTensor decode_npy(std::span<const std::byte> bytes, const std::string& name);

/// Encodes an fp32 or int32 tensor as NPY 1.0. Throws NpzError for another format.
std::vector<std::byte> encode_npy(const device::HostTensor& tensor, const std::string& name);

}  // namespace triad::workload
