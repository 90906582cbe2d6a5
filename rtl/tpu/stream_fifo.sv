`timescale 1ns / 1ps

/// An input FIFO of two slots with registered ready: what arrives in cycle t is at the head from t + 1 on.
module stream_fifo #(
    parameter int WIDTH = 16
) (
    input  logic             clk_i,
    input  logic             rst_i,
    input  logic             valid_i,
    output logic             ready_o,
    input  logic [WIDTH-1:0] data_i,
    output logic             head_valid_o,
    output logic [WIDTH-1:0] head_o,
    input  logic             pop_i
);
  logic [1:0] count_q;
  logic [WIDTH-1:0] head_q, next_q;
  logic push;

  assign ready_o      = count_q != 2'd2;
  assign push         = valid_i && ready_o;
  assign head_valid_o = count_q != 2'd0;
  assign head_o       = head_q;

  always_ff @(posedge clk_i) begin
    if (push) begin
      if (count_q == 2'd0 || (count_q == 2'd1 && pop_i)) head_q <= data_i;
      else next_q <= data_i;
    end
    if (pop_i && count_q == 2'd2) head_q <= next_q;
    if (rst_i) count_q <= 2'd0;
    else count_q <= count_q + {1'b0, push} - {1'b0, pop_i};
  end
endmodule
