#include "sim/workload/onnx/model.hpp"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <onnx/onnx_pb.h>

#include <cstring>
#include <limits>

#include "sim/numerics/format.hpp"
#include "sim/workload/file_bytes.hpp"

namespace triad::workload::onnx_import {
namespace {

using Proto = onnx::TensorProto;

/// The elements of raw_data (little-endian, as the host), each of type Stored.
template <class Stored, class Value, class Convert>
std::vector<Value> raw(const Proto& tensor, std::int64_t count, Convert convert) {
  const std::string& bytes = tensor.raw_data();
  if (bytes.size() != static_cast<std::size_t>(count) * sizeof(Stored)) {
    throw OnnxError(fmt::format("tensor '{}': {} bytes of data for {} elements of {} bytes", tensor.name(),
                                bytes.size(), count, sizeof(Stored)));
  }
  std::vector<Value> values;
  values.reserve(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    Stored stored;
    std::memcpy(&stored, bytes.data() + i * sizeof(Stored), sizeof(Stored));
    values.push_back(convert(stored));
  }
  return values;
}

/// The elements of one of the typed fields.
template <class Value, class Field, class Convert>
std::vector<Value> typed(const Proto& tensor, std::int64_t count, const Field& field, Convert convert) {
  if (field.size() != count) {
    throw OnnxError(fmt::format("tensor '{}': {} values for {} elements", tensor.name(), field.size(), count));
  }
  std::vector<Value> values;
  values.reserve(static_cast<std::size_t>(count));
  for (const auto& value : field) values.push_back(convert(value));
  return values;
}

template <class Stored, class Value, class Field, class Convert>
std::vector<Value> values(const Proto& tensor, std::int64_t count, const Field& field, Convert convert) {
  if (tensor.has_raw_data()) return raw<Stored, Value>(tensor, count, convert);
  return typed<Value>(tensor, count, field, [&](auto value) { return convert(static_cast<Stored>(value)); });
}

Shape shape_of(const Proto& tensor) {
  Shape shape;
  std::int64_t elements = 1;
  for (const std::int64_t extent : tensor.dims()) {
    constexpr std::int64_t most = std::int64_t{1} << 33;
    if (extent < 0 || extent > most || elements * std::max<std::int64_t>(extent, 1) > most) {
      throw OnnxError(fmt::format("tensor '{}': the extent {} is negative or too large", tensor.name(), extent));
    }
    elements *= std::max<std::int64_t>(extent, 1);
    shape.push_back(extent);
  }
  return shape;
}

}  // namespace

std::shared_ptr<const onnx::ModelProto> parse_model(const void* bytes, std::size_t size) {
  if (size > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    throw OnnxError("larger than 2 GiB, the most that a protobuf file can be");
  }
  auto model = std::make_shared<onnx::ModelProto>();
  google::protobuf::io::CodedInputStream stream(static_cast<const std::uint8_t*>(bytes), static_cast<int>(size));
  if (size == 0 || !model->ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage()) {
    throw OnnxError("not an ONNX model, or cut off: its protobuf message does not end where the file ends");
  }
  if (!model->has_graph() || model->graph().node_size() == 0) throw OnnxError("the model has no graph");
  return model;
}

std::shared_ptr<const onnx::ModelProto> read_model(const std::filesystem::path& file) {
  const std::vector<std::byte> bytes = read_bytes(file);
  return parse_model(bytes.data(), bytes.size());
}

std::int64_t opset(const onnx::ModelProto& model) {
  for (const auto& import : model.opset_import()) {
    if (!import.domain().empty() && import.domain() != "ai.onnx") continue;
    if (import.version() < least_opset || import.version() > most_opset) {
      throw OnnxError(fmt::format("operator set {}; read are {} to {}: torch.onnx.export(..., opset_version={})",
                                  import.version(), least_opset, most_opset, most_opset));
    }
    return import.version();
  }
  throw OnnxError("the model does not say which operator set it uses");
}

Constant constant_of(const onnx::TensorProto& tensor) {
  if (tensor.data_location() == Proto::EXTERNAL) {
    throw OnnxError(fmt::format("tensor '{}': its data is in another file; save the model in one", tensor.name()));
  }
  const Shape shape = shape_of(tensor);
  const std::int64_t count = graph::elements(shape);
  const auto real = [](auto value) { return static_cast<float>(value); };
  const auto whole = [](auto value) { return static_cast<std::int64_t>(value); };
  switch (tensor.data_type()) {
    case Proto::FLOAT:
      return Constant::of(shape, values<float, float>(tensor, count, tensor.float_data(), real));
    case Proto::DOUBLE:
      return Constant::of(shape, values<double, float>(tensor, count, tensor.double_data(), real));
    case Proto::FLOAT16:
      return Constant::of(shape,
                          values<std::uint16_t, float>(tensor, count, tensor.int32_data(), numerics::fp16_value));
    case Proto::BFLOAT16:
      return Constant::of(shape,
                          values<std::uint16_t, float>(tensor, count, tensor.int32_data(), numerics::bf16_value));
    case Proto::INT64:
      return Constant::of_integers(shape,
                                   values<std::int64_t, std::int64_t>(tensor, count, tensor.int64_data(), whole));
    case Proto::INT32:
      return Constant::of_integers(shape,
                                   values<std::int32_t, std::int64_t>(tensor, count, tensor.int32_data(), whole));
    case Proto::INT8:
      return Constant::of_integers(shape, values<std::int8_t, std::int64_t>(tensor, count, tensor.int32_data(), whole));
    case Proto::UINT8:
      return Constant::of_integers(shape,
                                   values<std::uint8_t, std::int64_t>(tensor, count, tensor.int32_data(), whole));
    case Proto::BOOL:
      return Constant::of_booleans(shape, values<std::uint8_t, std::int64_t>(tensor, count, tensor.int32_data(),
                                                                             [](auto v) { return v != 0 ? 1 : 0; }));
    default:
      throw OnnxError(
          fmt::format("tensor '{}': values of type {} are not read; must be float, double, float16, bfloat16, bool or "
                      "a whole number",
                      tensor.name(),
                      Proto::DataType_IsValid(tensor.data_type())
                          ? Proto::DataType_Name(static_cast<Proto::DataType>(tensor.data_type()))
                          : std::to_string(tensor.data_type())));
  }
}

}  // namespace triad::workload::onnx_import
