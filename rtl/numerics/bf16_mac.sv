`timescale 1ns / 1ps

/// One MAC step, combinational: sum_o = sum_i + a_i * b_i, see fp_pkg.
module bf16_mac (
    input  logic [31:0] sum_i,
    input  logic [15:0] a_i,
    input  logic [15:0] b_i,
    output logic [31:0] product_o,
    output logic [31:0] sum_o
);
  assign product_o = fp_pkg::multiply_bf16(a_i, b_i);
  assign sum_o     = fp_pkg::add_fp32(sum_i, product_o);
endmodule
