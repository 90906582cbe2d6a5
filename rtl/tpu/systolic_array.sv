`timescale 1ns / 1ps

/// The MACs as rolled loops: one process, blocking assignments, far corner first, so that every MAC reads its neighbours'
/// values of the cycle before. (Verilator compiles this form an order of magnitude faster than a module per MAC, and it
/// runs as fast.)
///
/// A row admitted in cycle a is multiplied at (r, c) in a + 1 + r + c and added there a cycle later; its sums leave column
/// c in cycle a + ROWS + 2 + c. A weight row accepted in cycle w is written in column c in w + 1 + c.
module systolic_array #(
    parameter int ROWS    = 4,
    parameter int COLUMNS = 4,
    parameter int ROW_W   = 3
) (
    input  logic                              clk_i,
    input  logic [           ROWS*16-1:0]     act_i,
    input  logic [      ROWS+COLUMNS-2:0]     swap_i,
    input  logic [        COLUMNS*16-1:0]     wgt_i,
    input  logic [           COLUMNS-1:0]     wgt_write_i,
    input  logic [COLUMNS-1:0][ROW_W-1:0]     wgt_row_i,
    output logic [        COLUMNS*32-1:0]     sums_o
);
  logic [15:0] act_skew_q[ROWS][ROWS];  // element r waits r cycles: [r][0 .. r-1]
  logic [15:0] wgt_skew_q[COLUMNS][COLUMNS];  // element c waits c cycles
  logic [15:0] act_q[ROWS][COLUMNS];
  logic [15:0] active_q[ROWS][COLUMNS];
  logic [15:0] shadow_q[ROWS][COLUMNS];
  logic [31:0] product_q[ROWS][COLUMNS];
  logic [31:0] sum_q[ROWS][COLUMNS];
  logic [15:0] wgt_q[COLUMNS];

  // verilator lint_off BLKSEQ
  always_ff @(posedge clk_i) begin
    for (int r = ROWS - 1; r >= 0; r--) begin
      for (int c = COLUMNS - 1; c >= 0; c--) begin
        sum_q[r][c] = fp_pkg::add_fp32(r == 0 ? 32'b0 : sum_q[r==0?0 : r-1][c], product_q[r][c]);
        if (swap_i[r+c]) active_q[r][c] = shadow_q[r][c];
        product_q[r][c] = fp_pkg::multiply_bf16(act_q[r][c], active_q[r][c]);
        if (c > 0) act_q[r][c] = act_q[r][c-1];
        else act_q[r][c] = r == 0 ? act_i[15:0] : act_skew_q[r][r==0?0 : r-1];
      end
    end
    for (int c = 0; c < COLUMNS; c++) begin
      if (wgt_write_i[c]) shadow_q[wgt_row_i[c]][c] = wgt_q[c];
      wgt_q[c] = c == 0 ? wgt_i[15:0] : wgt_skew_q[c][c==0?0 : c-1];
      for (int k = c; k > 0; k--) wgt_skew_q[c][k] = wgt_skew_q[c][k-1];
      wgt_skew_q[c][0] = wgt_i[c*16+:16];
    end
    for (int r = 0; r < ROWS; r++) begin
      for (int k = r; k > 0; k--) act_skew_q[r][k] = act_skew_q[r][k-1];
      act_skew_q[r][0] = act_i[r*16+:16];
    end
    for (int c = 0; c < COLUMNS; c++) sums_o[c*32+:32] <= sum_q[ROWS-1][c];
  end
  // verilator lint_on BLKSEQ
endmodule
