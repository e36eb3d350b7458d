// Max-pool over the windows of a sliding window generator: the largest code of every channel. Padding is the lowest code, which never
// wins.
//
//   in       beats of Simd codes: windows, (kernel_y, kernel_x, channel)
//   out      beats of Simd codes: one pixel a window
//   cycles   kernel * In/Simd a pixel; a beat arrives two cycles after the last tap was read
//   storage  the In/Simd beats of a pixel in a delay line
//   misuse   the windows of another kernel or stride mix pixels of neighbouring windows and leave beats over, or keep it waiting
module rf_max_pool #(
  parameter int unsigned KernelHeight = 1,
  parameter int unsigned KernelWidth = 1,
  parameter int unsigned In = 1,
  parameter int unsigned Simd = 1,
  parameter int unsigned InBits = 1,
  parameter bit InSigned = 1'b0,
  parameter LargestStyle = "distributed",
  parameter int unsigned OutDepth = 2,
  parameter OutStyle = "distributed",
  localparam int unsigned Bits = Simd * InBits
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  input  logic [Bits-1:0] in_i,
  input  logic            in_valid_i,
  output logic            in_ready_o,
  output logic [Bits-1:0] out_o,
  output logic            out_valid_o,
  input  logic            out_ready_i
);
  localparam int unsigned Latency = 2;
  localparam int unsigned PixelBeats = In / Simd;

  if (In % Simd != 0) begin : gen_refuse
    $error("rf_max_pool: Simd has to divide In");
  end

  logic fire, first_tap, last_tap, unused_first_beat, last_beat, out_room;

  assign fire = in_valid_i && (!last_tap || out_room);
  assign in_ready_o = fire;

  rf_loop #(.Times(PixelBeats)) u_beat (.clk_i, .rst_ni, .step_i(fire), .first_o(unused_first_beat), .last_o(last_beat));
  rf_loop #(.Times(KernelHeight * KernelWidth)) u_tap (
    .clk_i, .rst_ni, .step_i(fire && last_beat), .first_o(first_tap), .last_o(last_tap)
  );

  logic [Bits-1:0] codes_q, earlier, largest, largest_q;
  logic valid_q, first_q, last_q, write_q;

  always_ff @(posedge clk_i) begin
    codes_q <= in_i;
    first_q <= first_tap;
    last_q <= last_tap;
    valid_q <= fire && rst_ni;
    write_q <= valid_q && last_q && rst_ni;
    largest_q <= largest;
  end

  rf_delay #(.Steps(PixelBeats), .Bits(Bits), .Style(LargestStyle)) u_largest (
    .clk_i, .rst_ni, .step_i(valid_q), .in_i(largest), .out_o(earlier)
  );
  for (genvar lane = 0; lane < Simd; lane++) begin : gen_lane
    localparam logic [InBits-1:0] Sign = InBits'(InSigned) << (InBits - 1);  // its inverse compares as of an unsigned code
    logic keep;
    assign keep = !first_q && (earlier[lane*InBits +: InBits] ^ Sign) > (codes_q[lane*InBits +: InBits] ^ Sign);
    assign largest[lane*InBits +: InBits] = keep ? earlier[lane*InBits +: InBits] : codes_q[lane*InBits +: InBits];
  end

  rf_fifo #(.Bits(Bits), .Depth(OutDepth), .Latency(Latency), .Style(OutStyle)) u_out (
    .clk_i, .rst_ni, .claim_i(fire && last_tap), .room_o(out_room), .write_i(write_q), .data_i(largest_q),
    .valid_o(out_valid_o), .data_o(out_o), .ready_i(out_ready_i)
  );
endmodule
