`timescale 1ns / 1ps

/// A shift register.
module delay #(
    parameter int WIDTH  = 16,
    parameter int CYCLES = 1
) (
    input  logic             clk_i,
    input  logic [WIDTH-1:0] data_i,
    output logic [WIDTH-1:0] data_o
);
  logic [CYCLES-1:0][WIDTH-1:0] data_q;
  assign data_o = data_q[CYCLES-1];
  always_ff @(posedge clk_i) data_q <= (WIDTH * CYCLES)'({data_q, data_i});
endmodule
