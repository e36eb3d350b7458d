// Accumulate-pool: the head's sum over all pixels of max(code - Zero, 0), for every channel.
//
//   in       beats of Simd codes: pixels in raster order, channels fastest
//   out      beats of Simd sums, as one pixel, sent while the last pixel comes in
//   cycles   Pixels * In/Simd a frame; a beat arrives three cycles after the last code of its channels was read
//   storage  In sums in a delay line
//   misuse   a frame of fewer beats leaves it waiting and the head silent; of more, the rest counts into the next frame's sums; an OutBits
//            too narrow for Pixels codes wraps without a sign
module rf_accumulate_pool #(
  parameter int unsigned Pixels = 1,
  parameter int unsigned In = 1,
  parameter int unsigned Simd = 1,
  parameter int Zero = 0,
  parameter int unsigned InBits = 1,
  parameter bit InSigned = 1'b0,
  parameter int unsigned OutBits = 8,
  parameter SumsStyle = "distributed",
  parameter int unsigned OutDepth = 2,
  parameter OutStyle = "distributed"
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,
  input  logic [Simd*InBits-1:0]  in_i,
  input  logic                    in_valid_i,
  output logic                    in_ready_o,
  output logic [Simd*OutBits-1:0] out_o,
  output logic                    out_valid_o,
  input  logic                    out_ready_i
);
  localparam int unsigned Latency = 3;
  localparam int unsigned PixelBeats = In / Simd;

  localparam int Lowest = InSigned ? -(2**(InBits - 1)) : 0;

  if (In % Simd != 0) begin : gen_refuse
    $error("rf_accumulate_pool: Simd has to divide In");
  end
  if (Zero < Lowest || Zero - Lowest >= 2**InBits) begin : gen_refuse_zero
    $error("rf_accumulate_pool: Zero is no code");
  end

  logic fire, first_pixel, last_pixel, unused_first_beat, last_beat, out_room;

  assign fire = in_valid_i && (!last_pixel || out_room);
  assign in_ready_o = fire;

  rf_loop #(.Times(PixelBeats)) u_beat (.clk_i, .rst_ni, .step_i(fire), .first_o(unused_first_beat), .last_o(last_beat));
  rf_loop #(.Times(Pixels)) u_pixel (.clk_i, .rst_ni, .step_i(fire && last_beat), .first_o(first_pixel), .last_o(last_pixel));

  logic [Simd*InBits-1:0] codes_q, above_q;
  logic [Simd*OutBits-1:0] earlier, sums, sums_q;
  logic [1:0] valid_q, first_q, last_q;
  logic write_q;

  always_ff @(posedge clk_i) begin
    codes_q <= in_i;
    valid_q <= rst_ni ? {valid_q[0], fire} : '0;
    first_q <= {first_q[0], first_pixel};
    last_q <= {last_q[0], last_pixel};
    write_q <= valid_q[1] && last_q[1] && rst_ni;
    sums_q <= sums;
  end

  rf_delay #(.Steps(PixelBeats), .Bits(Simd * OutBits), .Style(SumsStyle)) u_sums (
    .clk_i, .rst_ni, .step_i(valid_q[1]), .in_i(sums), .out_o(earlier)
  );
  for (genvar lane = 0; lane < Simd; lane++) begin : gen_lane
    logic [InBits-1:0] code;
    logic [InBits:0] above;
    logic [OutBits-1:0] sum;

    assign code = codes_q[lane*InBits +: InBits];
    assign sum = first_q[1] ? '0 : earlier[lane*OutBits +: OutBits];
    assign above = {InSigned && code[InBits-1], code} - (InBits + 1)'(Zero);  // negative where it is less
    always_ff @(posedge clk_i) above_q[lane*InBits +: InBits] <= above[InBits] ? '0 : above[InBits-1:0];
    assign sums[lane*OutBits +: OutBits] = sum + OutBits'(above_q[lane*InBits +: InBits]);
  end

  rf_fifo #(.Bits(Simd * OutBits), .Depth(OutDepth), .Latency(Latency), .Style(OutStyle)) u_out (
    .clk_i, .rst_ni, .claim_i(fire && last_pixel), .room_o(out_room), .write_i(write_q), .data_i(sums_q),
    .valid_o(out_valid_o), .data_o(out_o), .ready_i(out_ready_i)
  );
endmodule
