`timescale 1ns / 1ps

/// The arithmetic of a matrix unit, the twin of sim/numerics/mac.hpp: fp32 steps rounded to nearest even, subnormals
/// flushed to a zero of the same sign in and out, one canonical NaN.
package fp_pkg;

  localparam logic [31:0] CANONICAL_NAN = 32'h7fc0_0000;

  /// a * b. Two 8-bit significands give at most 16 bits: the product is exact in fp32 or overflows or is flushed.
  function automatic logic [31:0] multiply_bf16(input logic [15:0] a, input logic [15:0] b);
    logic        sign;
    logic        a_zero, b_zero, a_top, b_top;
    logic [15:0] significand;
    logic [ 9:0] exponent;  // biased by 127 + 127, in 0 .. 509
    logic [22:0] fraction;
    sign        = a[15] ^ b[15];
    a_zero      = a[14:7] == 0;  // or subnormal: flushed
    b_zero      = b[14:7] == 0;
    a_top       = a[14:7] == 8'hff;  // infinity or NaN
    b_top       = b[14:7] == 8'hff;
    significand = {8'b0, 1'b1, a[6:0]} * {8'b0, 1'b1, b[6:0]};
    exponent    = {2'b0, a[14:7]} + {2'b0, b[14:7]} + {9'b0, significand[15]};
    fraction    = significand[15] ? {significand[14:0], 8'b0} : {significand[13:0], 9'b0};
    if ((a_top && a[6:0] != 0) || (b_top && b[6:0] != 0) || (a_top && b_zero) || (b_top && a_zero)) begin
      return CANONICAL_NAN;
    end
    if (a_top || b_top) return {sign, 8'hff, 23'b0};
    if (a_zero || b_zero || exponent <= 10'd127) return {sign, 31'b0};
    if (exponent >= 10'd382) return {sign, 8'hff, 23'b0};  // 127 + 255
    exponent = exponent - 10'd127;
    return {sign, exponent[7:0], fraction};
  endfunction

  /// a + b.
  function automatic logic [31:0] add_fp32(input logic [31:0] a, input logic [31:0] b);
    logic [31:0] greater, lesser;
    logic [ 7:0] distance;
    logic [26:0] lesser_significand, shifted;  // 24 bits, guard, round, sticky
    logic [27:0] sum;
    logic [ 9:0] exponent;
    logic        round_up;
    logic [24:0] rounded;
    logic [ 4:0] zeros;
    if (a[30:0] > b[30:0]) begin
      greater = a;
      lesser = b;
    end else begin
      greater = b;
      lesser = a;
    end
    if (greater[30:23] == 8'hff) begin
      if (greater[22:0] != 0) return CANONICAL_NAN;
      if (lesser[30:0] == greater[30:0] && lesser[31] != greater[31]) return CANONICAL_NAN;
      return {greater[31], 8'hff, 23'b0};
    end
    if (greater[30:23] == 0) return {a[31] & b[31], 31'b0};  // both are zero, or subnormal and flushed
    if (lesser[30:23] == 0) return greater;

    distance          = greater[30:23] - lesser[30:23];
    lesser_significand = {1'b1, lesser[22:0], 3'b0};
    if (distance > 8'd26) begin
      shifted = 27'd1;
    end else begin
      shifted    = lesser_significand >> distance[4:0];
      shifted[0] = shifted[0] | (|(lesser_significand & ~(27'h7ff_ffff << distance[4:0])));
    end
    exponent = {2'b0, greater[30:23]};
    if (greater[31] == lesser[31]) begin
      sum = {1'b0, 1'b1, greater[22:0], 3'b0} + {1'b0, shifted};
      if (sum[27]) begin
        sum      = {1'b0, sum[27:2], sum[1] | sum[0]};
        exponent = exponent + 10'd1;
      end
    end else begin
      sum = {1'b0, 1'b1, greater[22:0], 3'b0} - {1'b0, shifted};
      if (sum == 0) return 32'b0;  // x - x = +0
      zeros = 0;
      if (sum[26:11] == 0) begin
        sum   = sum << 16;
        zeros = zeros + 5'd16;
      end
      if (sum[26:19] == 0) begin
        sum   = sum << 8;
        zeros = zeros + 5'd8;
      end
      if (sum[26:23] == 0) begin
        sum   = sum << 4;
        zeros = zeros + 5'd4;
      end
      if (sum[26:25] == 0) begin
        sum   = sum << 2;
        zeros = zeros + 5'd2;
      end
      if (!sum[26]) begin
        sum   = sum << 1;
        zeros = zeros + 5'd1;
      end
      // Below the smallest normal number: flushed. Such a difference is exact, so flushing before rounding is right.
      if (exponent <= {5'b0, zeros}) return {greater[31], 31'b0};
      exponent = exponent - {5'b0, zeros};
    end
    round_up = sum[2] & (sum[3] | sum[1] | sum[0]);
    rounded  = {1'b0, sum[26:3]} + {24'b0, round_up};
    if (rounded[24]) begin
      rounded  = rounded >> 1;
      exponent = exponent + 10'd1;
    end
    if (exponent >= 10'd255) return {greater[31], 8'hff, 23'b0};
    return {greater[31], exponent[7:0], rounded[22:0]};
  endfunction

endpackage
