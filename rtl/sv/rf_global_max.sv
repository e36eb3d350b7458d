// Global maximum: the head's largest max(code - Zero, 0) of all pixels, for every channel.
//
//   in       beats of Simd codes: pixels in raster order, channels fastest
//   out      beats of Simd values, as one pixel, sent while the last pixel comes in
//   cycles   Pixels * In/Simd a frame; a beat arrives three cycles after the last code of its channels was read
//   storage  In values in a delay line
//   misuse   a frame of fewer beats leaves it waiting and the head silent; of more, the rest counts into the next frame; a Zero that is no
//            code is refused by $error
module rf_global_max #(
  parameter int unsigned Pixels = 1,
  parameter int unsigned In = 1,
  parameter int unsigned Simd = 1,
  parameter int Zero = 0,
  parameter int unsigned InBits = 1,
  parameter bit InSigned = 1'b0,
  parameter int unsigned OutBits = 1,
  parameter LargestStyle = "distributed",
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
    $error("rf_global_max: Simd has to divide In");
  end
  if (Zero < Lowest || Zero - Lowest >= 2**InBits) begin : gen_refuse_zero
    $error("rf_global_max: Zero is no code");
  end

  logic fire, first_pixel, last_pixel, unused_first_beat, last_beat, out_room;

  assign fire = in_valid_i && (!last_pixel || out_room);
  assign in_ready_o = fire;

  rf_loop #(.Times(PixelBeats)) u_beat (.clk_i, .rst_ni, .step_i(fire), .first_o(unused_first_beat), .last_o(last_beat));
  rf_loop #(.Times(Pixels)) u_pixel (.clk_i, .rst_ni, .step_i(fire && last_beat), .first_o(first_pixel), .last_o(last_pixel));

  logic [Simd*InBits-1:0] codes_q;
  logic [Simd*OutBits-1:0] above_q, earlier, largest, largest_q;
  logic [1:0] valid_q, first_q, last_q;
  logic write_q;

  always_ff @(posedge clk_i) begin
    codes_q <= in_i;
    valid_q <= rst_ni ? {valid_q[0], fire} : '0;
    first_q <= {first_q[0], first_pixel};
    last_q <= {last_q[0], last_pixel};
    write_q <= valid_q[1] && last_q[1] && rst_ni;
    largest_q <= largest;
  end

  rf_delay #(.Steps(PixelBeats), .Bits(Simd * OutBits), .Style(LargestStyle)) u_largest (
    .clk_i, .rst_ni, .step_i(valid_q[1]), .in_i(largest), .out_o(earlier)
  );
  for (genvar lane = 0; lane < Simd; lane++) begin : gen_lane
    logic [InBits-1:0] code;
    logic [InBits:0] above;
    logic [OutBits-1:0] now, most;
    logic unused;

    assign code = codes_q[lane*InBits +: InBits];
    assign above = {InSigned && code[InBits-1], code} - (InBits + 1)'(Zero);  // negative where it is less
    always_ff @(posedge clk_i) above_q[lane*OutBits +: OutBits] <= above[InBits] ? '0 : OutBits'(above[InBits-1:0]);
    assign unused = &{above};  // the upper bits of what is above a high Zero

    assign now = above_q[lane*OutBits +: OutBits];
    assign most = earlier[lane*OutBits +: OutBits];
    assign largest[lane*OutBits +: OutBits] = !first_q[1] && most > now ? most : now;
  end

  rf_fifo #(.Bits(Simd * OutBits), .Depth(OutDepth), .Latency(Latency), .Style(OutStyle)) u_out (
    .clk_i, .rst_ni, .claim_i(fire && last_pixel), .room_o(out_room), .write_i(write_q), .data_i(largest_q),
    .valid_o(out_valid_o), .data_o(out_o), .ready_i(out_ready_i)
  );
endmodule
