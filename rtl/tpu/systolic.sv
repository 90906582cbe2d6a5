`timescale 1ns / 1ps

/// A weight-stationary matrix unit's core: ROWS x COLUMNS MACs, double-buffered weights. The twin of
/// models/tpu/systolic, whose README.md states the cycles of every transfer. A Moore machine: no path from an input to an
/// output within a cycle.
/// This module is the control; the MACs lie in systolic_array (rolled loops) or systolic_grid (a module per MAC).
module systolic #(
    parameter int ROWS    = 4,
    parameter int COLUMNS = 4,
    parameter int GRID    = 0  // 1: a module per MAC
) (
    input  logic                  clk_i,
    input  logic                  rst_i,
    // activations: ROWS bf16; swap: this row is the first to meet the weights in the shadow bank
    input  logic                  act_valid_i,
    output logic                  act_ready_o,
    input  logic [   ROWS*16-1:0] act_data_i,
    input  logic                  act_swap_i,
    // weights: COLUMNS bf16, rows 0 .. ROWS-1 of a tile in order
    input  logic                  wgt_valid_i,
    output logic                  wgt_ready_o,
    input  logic [COLUMNS*16-1:0] wgt_data_i,
    // results: COLUMNS fp32
    output logic                  res_valid_o,
    input  logic                  res_ready_i,
    output logic [COLUMNS*32-1:0] res_data_o,
    // for the observer: a row enters the array, a weight row enters the shadow bank
    output logic                  admit_o,
    output logic                  accept_o
);
  localparam int LATENCY = ROWS + COLUMNS + 2;  // admission to the first cycle of res_valid_o
  localparam int SLOTS   = LATENCY + 2;
  localparam int COUNT_W = $clog2(SLOTS + 1);
  localparam int SLOT_W  = $clog2(SLOTS);
  localparam int FILL_W  = $clog2(ROWS + 1);
  localparam int ROW_W   = ROWS > 1 ? $clog2(ROWS) : 1;

  // ---- input FIFOs
  logic act_valid, act_swap, admit;
  logic wgt_valid, accept;
  logic [ROWS*16-1:0] act;
  logic [COLUMNS*16-1:0] wgt;

  stream_fifo #(
      .WIDTH(ROWS * 16 + 1)
  ) act_fifo (
      .clk_i,
      .rst_i,
      .valid_i(act_valid_i),
      .ready_o(act_ready_o),
      .data_i({act_swap_i, act_data_i}),
      .head_valid_o(act_valid),
      .head_o({act_swap, act}),
      .pop_i(admit)
  );
  stream_fifo #(
      .WIDTH(COLUMNS * 16)
  ) wgt_fifo (
      .clk_i,
      .rst_i,
      .valid_i(wgt_valid_i),
      .ready_o(wgt_ready_o),
      .data_i(wgt_data_i),
      .head_valid_o(wgt_valid),
      .head_o(wgt),
      .pop_i(accept)
  );

  // ---- admission: against a reserved result slot, and a swap only when the shadow bank holds a whole tile
  logic [COUNT_W-1:0] credits_q;
  logic [FILL_W-1:0] shadow_rows_q;
  logic shadow_full, take;

  assign shadow_full = shadow_rows_q == FILL_W'(ROWS);
  assign admit       = act_valid && credits_q != 0 && (!act_swap || shadow_full);
  assign accept      = wgt_valid && !shadow_full;
  assign take        = res_valid_o && res_ready_i;
  assign admit_o     = admit;
  assign accept_o    = accept;

  always_ff @(posedge clk_i) begin
    if (rst_i) begin
      credits_q     <= COUNT_W'(SLOTS);
      shadow_rows_q <= '0;
    end else begin
      credits_q <= credits_q - COUNT_W'(admit) + COUNT_W'(take);
      if (admit && act_swap) shadow_rows_q <= '0;
      else if (accept) shadow_rows_q <= shadow_rows_q + 1'b1;
    end
  end

  // ---- what travels with the wavefront: bit k belongs to the row admitted (accepted) k + 1 cycles ago
  logic [LATENCY-2:0] valid_q;
  logic [ROWS+COLUMNS-2:0] swap_q;
  logic [COLUMNS-1:0] wgt_write_q;
  logic [COLUMNS-1:0][ROW_W-1:0] wgt_row_q;

  always_ff @(posedge clk_i) begin
    valid_q     <= rst_i ? '0 : {valid_q[LATENCY-3:0], admit};
    swap_q      <= rst_i ? '0 : (ROWS + COLUMNS - 1)'({swap_q, admit && act_swap});
    wgt_write_q <= rst_i ? '0 : COLUMNS'({wgt_write_q, accept});
    wgt_row_q   <= (COLUMNS * ROW_W)'({wgt_row_q, shadow_rows_q[ROW_W-1:0]});
  end

  // ---- the MACs
  logic [COLUMNS*32-1:0] sums;
  if (GRID != 0) begin : gen_grid
    systolic_grid #(
        .ROWS(ROWS),
        .COLUMNS(COLUMNS),
        .ROW_W(ROW_W)
    ) macs (
        .clk_i,
        .act_i(act),
        .swap_i(swap_q),
        .wgt_i(wgt),
        .wgt_write_i(wgt_write_q),
        .wgt_row_i(wgt_row_q),
        .sums_o(sums)
    );
  end else begin : gen_array
    systolic_array #(
        .ROWS(ROWS),
        .COLUMNS(COLUMNS),
        .ROW_W(ROW_W)
    ) macs (
        .clk_i,
        .act_i(act),
        .swap_i(swap_q),
        .wgt_i(wgt),
        .wgt_write_i(wgt_write_q),
        .wgt_row_i(wgt_row_q),
        .sums_o(sums)
    );
  end

  // ---- result slots: column c of a row arrives c cycles after column 0, the row is visible when the last column has
  logic [COLUMNS*32-1:0] slots_q[SLOTS];
  logic [COLUMNS-1:0][SLOT_W-1:0] write_q;
  logic [SLOT_W-1:0] read_q;
  logic [COUNT_W-1:0] held_q;

  function automatic logic [SLOT_W-1:0] next_slot(input logic [SLOT_W-1:0] slot);
    return slot == SLOT_W'(SLOTS - 1) ? '0 : slot + 1'b1;
  endfunction

  assign res_valid_o = held_q != 0;
  assign res_data_o  = slots_q[read_q];

  for (genvar c = 0; c < COLUMNS; c++) begin : gen_columns
    always_ff @(posedge clk_i) begin
      if (valid_q[ROWS+1+c]) slots_q[write_q[c]][c*32+:32] <= sums[c*32+:32];
      if (rst_i) write_q[c] <= '0;
      else if (valid_q[ROWS+1+c]) write_q[c] <= next_slot(write_q[c]);
    end
  end

  always_ff @(posedge clk_i) begin
    if (rst_i) begin
      held_q <= '0;
      read_q <= '0;
    end else begin
      held_q <= held_q + COUNT_W'(valid_q[LATENCY-2]) - COUNT_W'(take);
      if (take) read_q <= next_slot(read_q);
    end
  end
endmodule
