#pragma once
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

#include "sim/workload/onnx/constant.hpp"

namespace onnx {
class ModelProto;
class TensorProto;
}  // namespace onnx

/// ONNX files: parsed by the protobuf classes of libonnx, checked as far as the importer relies on it.
namespace triad::workload::onnx_import {

/// The model is at fault. what() names the node or the tensor, what was found and what would be right.
struct OnnxError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline constexpr std::int64_t least_opset = 9, most_opset = 17;

/// Reads a model. Throws FileError or OnnxError when the file is missing, is no model, or is cut off.
std::shared_ptr<const onnx::ModelProto> read_model(const std::filesystem::path& file);
std::shared_ptr<const onnx::ModelProto> parse_model(const void* bytes, std::size_t size);

/// The version of the operator set that the model uses. Throws OnnxError unless it is one of those read here.
std::int64_t opset(const onnx::ModelProto& model);

/// A tensor stored in the model: float, double, float16, bfloat16 become real, whole numbers integer. Throws OnnxError
/// about another type, data of another size than the shape says, and data in another file.
Constant constant_of(const onnx::TensorProto& tensor);

}  // namespace triad::workload::onnx_import
