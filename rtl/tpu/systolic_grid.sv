`timescale 1ns / 1ps

/// The same MACs as systolic_array with a module per MAC, as they lie on a chip. A test holds the two to be equal.
module systolic_grid #(
    parameter int ROWS    = 4,
    parameter int COLUMNS = 4,
    parameter int ROW_W   = 3
) (
    input  logic                          clk_i,
    input  logic [           ROWS*16-1:0] act_i,
    input  logic [      ROWS+COLUMNS-2:0] swap_i,
    input  logic [        COLUMNS*16-1:0] wgt_i,
    input  logic [           COLUMNS-1:0] wgt_write_i,
    input  logic [COLUMNS-1:0][ROW_W-1:0] wgt_row_i,
    output logic [        COLUMNS*32-1:0] sums_o
);
  // [r][c] enters MAC (r, c) from the left, from above
  logic [ROWS-1:0][COLUMNS:0][15:0] act;
  logic [ROWS:0][COLUMNS-1:0][31:0] sum;
  logic [COLUMNS-1:0][15:0] wgt;

  for (genvar r = 0; r < ROWS; r++) begin : gen_act_skew
    delay #(
        .WIDTH (16),
        .CYCLES(r + 1)
    ) skew (
        .clk_i,
        .data_i(act_i[r*16+:16]),
        .data_o(act[r][0])
    );
  end
  for (genvar c = 0; c < COLUMNS; c++) begin : gen_columns
    delay #(
        .WIDTH (16),
        .CYCLES(c + 1)
    ) skew (
        .clk_i,
        .data_i(wgt_i[c*16+:16]),
        .data_o(wgt[c])
    );
    assign sum[0][c] = '0;
    for (genvar r = 0; r < ROWS; r++) begin : gen_rows
      systolic_pe pe (
          .clk_i,
          .act_i(act[r][c]),
          .act_o(act[r][c+1]),
          .swap_i(swap_i[r+c]),
          .wgt_i(wgt[c]),
          .wgt_write_i(wgt_write_i[c] && wgt_row_i[c] == ROW_W'(r)),
          .sum_i(sum[r][c]),
          .sum_o(sum[r+1][c])
      );
    end
    assign sums_o[c*32+:32] = sum[ROWS][c];
  end
endmodule
