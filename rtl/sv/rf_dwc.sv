// Data width converter: the same codes in the same order, more or fewer of them a beat.
//
//   in      beats of LanesIn codes
//   out     beats of LanesOut codes
//   cycles  a firing for each beat of the narrower side; the last beat in is part of what arrives one cycle later
//   storage a wide beat, as a shift register both ways: to write each narrow beat where it belongs would take a multiplexer per bit
//   misuse  lanes of which neither divides the other are refused by $error
module rf_dwc #(
  parameter int unsigned LanesIn = 1,
  parameter int unsigned LanesOut = 2,
  parameter int unsigned CodeBits = 1,
  parameter int unsigned OutDepth = 2,
  parameter OutStyle = "distributed",
  localparam int unsigned InBits = LanesIn * CodeBits,
  localparam int unsigned OutBits = LanesOut * CodeBits
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic [InBits-1:0]  in_i,
  input  logic               in_valid_i,
  output logic               in_ready_o,
  output logic [OutBits-1:0] out_o,
  output logic               out_valid_o,
  input  logic               out_ready_i
);
  localparam int unsigned Latency = 1;
  localparam bit Widens = LanesOut > LanesIn;
  localparam int unsigned Ratio = Widens ? LanesOut / LanesIn : LanesIn / LanesOut;
  localparam int unsigned WideBits = Widens ? OutBits : InBits;
  localparam int unsigned NarrowBits = WideBits / Ratio;

  if (NarrowBits * Ratio != WideBits || (Widens ? LanesIn * Ratio != LanesOut : LanesOut * Ratio != LanesIn)) begin : gen_refuse
    $error("rf_dwc: neither of LanesIn and LanesOut divides the other: convert by way of a common multiple");
  end

  logic fire, reads, writes, out_room, write_q, first, last;
  logic [WideBits-1:0] beat_q;

  assign reads = Widens || first;
  assign writes = !Widens || last;
  assign fire = (!reads || in_valid_i) && (!writes || out_room);
  assign in_ready_o = fire && reads;

  rf_loop #(.Times(Ratio)) u_part (.clk_i, .rst_ni, .step_i(fire), .first_o(first), .last_o(last));

  always_ff @(posedge clk_i) write_q <= fire && writes && rst_ni;

  if (Widens) begin : gen_widen
    always_ff @(posedge clk_i) if (fire) beat_q <= {in_i, beat_q[WideBits-1:NarrowBits]};
  end else begin : gen_narrow
    always_ff @(posedge clk_i) if (fire) beat_q <= first ? in_i : beat_q >> NarrowBits;
  end

  rf_fifo #(.Bits(OutBits), .Depth(OutDepth), .Latency(Latency), .Style(OutStyle)) u_out (
    .clk_i, .rst_ni, .claim_i(fire && writes), .room_o(out_room), .write_i(write_q), .data_i(beat_q[OutBits-1:0]),
    .valid_o(out_valid_o), .data_o(out_o), .ready_i(out_ready_i)
  );
endmodule
