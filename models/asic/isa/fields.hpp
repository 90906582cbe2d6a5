#pragma once
#include "models/asic/isa/descriptor.hpp"

/// The one list of a descriptor's fields, in the order in which they are packed. An archive is told every field: its
/// name, its width in bits, its sign and the value itself, and of lists first their length.
namespace triad::asic::isa {

template <class Archive, class Address>
void visit_address(Archive& archive, const std::string& name, Address& address) {
  archive.field(name + ".base", 48, false, address.base);
  archive.field(name + ".step", 48, false, address.stride);
  archive.field(name + ".period", 24, false, address.period);
}

template <class Archive, class M>
void visit_matrix(Archive& archive, const std::string& name, M& matrix) {
  visit_address(archive, name, matrix.address);
  archive.field(name + ".batch", 48, true, matrix.batch_stride);
  for (std::size_t i = 0; i < 3; ++i) {
    archive.field(name + ".v_extent", 32, false, matrix.v_extent[i]);
    archive.field(name + ".v_stride", 40, true, matrix.v_stride[i]);
    archive.field(name + ".k_extent", 32, false, matrix.k_extent[i]);
    archive.field(name + ".k_stride", 40, true, matrix.k_stride[i]);
  }
  archive.field(name + ".guarded", 1, false, matrix.guarded);
  if (!matrix.guarded) return;
  for (auto& guard : matrix.guard) {
    archive.field(name + ".v_step", 16, true, guard.v_step);
    archive.field(name + ".k_step", 16, true, guard.k_step);
    archive.field(name + ".offset", 24, true, guard.offset);
    archive.field(name + ".divisor", 16, false, guard.divisor);
    archive.field(name + ".extent", 24, false, guard.extent);
  }
}

template <class Archive, class G>
void visit_gemm(Archive& archive, G& gemm, bool flying) {
  archive.field("batches", 32, false, gemm.batches);
  archive.field("rows", 32, false, gemm.rows);
  archive.field("columns", 32, false, gemm.columns);
  archive.field("tile_rows", 32, false, gemm.tile_rows);
  archive.field("tile_columns", 32, false, gemm.tile_columns);
  archive.field("columns_outer", 1, false, gemm.columns_outer);
  if (flying) return;
  archive.field("depth", 32, false, gemm.depth);
  archive.field("tile_depth", 32, false, gemm.tile_depth);
  archive.code("storage", 2, gemm.storage, storage_count);
  archive.field("parts", 2, false, gemm.parts);
  archive.field("a_bank", 8, false, gemm.a_bank);
  archive.field("a_banks", 8, false, gemm.a_banks);
  archive.field("b_bank", 8, false, gemm.b_bank);
  archive.field("b_banks", 8, false, gemm.b_banks);
  visit_matrix(archive, "a", gemm.a);
  visit_matrix(archive, "b", gemm.b);
}

template <class Archive, class S>
void visit_stream(Archive& archive, const std::string& name, S& stream, std::size_t axes, bool result) {
  visit_address(archive, name, stream.address);
  archive.code(name + ".storage", 2, stream.storage, storage_count);
  if (result) archive.field(name + ".term", 8, false, stream.term);
  archive.resize(stream.strides, axes);
  for (auto& stride : stream.strides) archive.field(name + ".stride", 48, true, stride);
}

template <class Archive, class W>
void visit_window(Archive& archive, W& window) {
  archive.code("kind", 2, window.kind, 4);
  archive.field("planes", 32, false, window.planes);
  archive.field("height", 24, false, window.height);
  archive.field("width", 24, false, window.width);
  archive.field("out_height", 24, false, window.out_height);
  archive.field("out_width", 24, false, window.out_width);
  for (std::size_t i = 0; i < 2; ++i) {
    archive.field("kernel", 16, false, window.kernel[i]);
    archive.field("stride", 16, false, window.stride[i]);
    archive.field("padding", 16, false, window.padding[i]);
  }
  archive.field("include_padding", 1, false, window.include_padding);
}

template <class Archive, class D>
void visit(Archive& archive, D& d) {
  archive.code("engine", 4, d.engine, engine_count);
  archive.field("tag", 20, false, d.tag);
  archive.field("flying", 1, false, d.flying);
  for (std::size_t e = 0; e < d.wait.size(); ++e) {
    archive.field(std::string("wait_") + to_string(static_cast<Engine>(e)), 32, true, d.wait[e]);
  }
  if (d.engine == Engine::gemm || d.flying) visit_gemm(archive, d.gemm, d.flying);
  if (d.engine == Engine::gemm) return;
  archive.length("axes", 4, d.axes, most_axes);
  for (auto& axis : d.axes) {
    archive.field("extent", 40, false, axis.extent);
    archive.field("reduced", 1, false, axis.reduced);
    archive.code("role", 2, axis.role, 3);
  }
  archive.length("operands", 4, d.operands, most_operands);
  archive.length("results", 4, d.results, most_results);
  for (std::size_t i = 0; i < d.operands.size(); ++i) {
    visit_stream(archive, "x" + std::to_string(i), d.operands[i], d.axes.size(), false);
  }
  for (std::size_t i = 0; i < d.results.size(); ++i) {
    visit_stream(archive, "y" + std::to_string(i), d.results[i], d.axes.size(), true);
  }
  archive.length("terms", 8, d.terms, most_terms);
  for (auto& term : d.terms) {
    archive.code("function", 8, term.function, static_cast<int>(graph::Function::row_maximum) + 1);
    for (auto& argument : term.arguments) archive.field("argument", 9, true, argument);
    archive.field("value", 32, false, term.value);
  }
  if (d.engine == Engine::pooling) visit_window(archive, d.window);
  if (d.engine == Engine::indexed) {
    archive.field("scatter", 1, false, d.indexed.scatter);
    archive.field("count", 40, false, d.indexed.count);
    archive.field("table_rows", 40, false, d.indexed.rows);
    archive.field("width", 40, false, d.indexed.width);
  }
}

}  // namespace triad::asic::isa
