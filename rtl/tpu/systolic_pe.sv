`timescale 1ns / 1ps

/// One MAC with its two weights: multiplies in the cycle in which act_i arrives, adds in the next.
module systolic_pe (
    input  logic        clk_i,
    input  logic [15:0] act_i,
    output logic [15:0] act_o,
    input  logic        swap_i,
    input  logic [15:0] wgt_i,
    input  logic        wgt_write_i,
    input  logic [31:0] sum_i,
    output logic [31:0] sum_o
);
  logic [15:0] shadow_q, active_q, weight;
  logic [31:0] product_q;

  assign weight = swap_i ? shadow_q : active_q;

  always_ff @(posedge clk_i) begin
    if (wgt_write_i) shadow_q <= wgt_i;
    active_q  <= weight;
    product_q <= fp_pkg::multiply_bf16(act_i, weight);
    sum_o     <= fp_pkg::add_fp32(sum_i, product_q);
    act_o     <= act_i;
  end
endmodule
