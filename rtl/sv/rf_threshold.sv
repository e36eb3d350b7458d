// Thresholds: values to codes, each channel with its own thresholds; a code is the lowest one and one more for each that a value reaches.
//
//   in       beats of Simd values of Beside pixels, one pixel behind the other, in the order of rf_row_of_beat
//   out      as many codes, in the same order
//   cycles   In/Simd for every Beside pixels; a beat arrives Latency cycles after it was read
//   storage  a row of Simd * (2**OutBits - 1) thresholds a beat of the pixel
//   misuse   a frame whose pixels are not In channels meets the thresholds of other channels; values have at most ThresholdsBits bits, their
//            sign included, whatever InBits is
// Where constants are loaded, Firings says how often it fires a frame, and constants_* are those of rf_loader.
module rf_threshold #(
  parameter int unsigned In = 1,
  parameter int unsigned Simd = 1,
  parameter int unsigned Block = 1,
  parameter int unsigned Repeats = 1,
  parameter int unsigned Beside = 1,
  parameter int unsigned InBits = 2,
  parameter bit InSigned = 1'b0,
  parameter int unsigned OutBits = 1,
  parameter bit OutSigned = 1'b0,
  parameter int unsigned ThresholdsBits = 3,
  parameter bit ThresholdsBlock = 1'b0,
  parameter bit ThresholdsUltra = 1'b0,
  parameter ThresholdsFile = "",
  parameter int unsigned OutDepth = 2,
  parameter OutStyle = "distributed",
  parameter int unsigned Firings = 0,  // of a frame, where constants are loaded
  parameter int unsigned ConstantsDepth = 0,
  parameter ConstantsStyle = "distributed",
  localparam int unsigned Lanes = Beside * Simd
) (
  input  logic                     clk_i,
  input  logic                     rst_ni,
  input  logic [Lanes*InBits-1:0]  in_i,
  input  logic                     in_valid_i,
  output logic                     in_ready_o,
  output logic [Lanes*OutBits-1:0] out_o,
  output logic                     out_valid_o,
  input  logic                     out_ready_i,
  input  logic [63:0]              constants_i,
  input  logic                     constants_valid_i,
  output logic                     constants_ready_o,
  output logic [63:0]              constants_o,
  output logic                     constants_valid_o,
  input  logic                     constants_ready_i
);
  localparam int unsigned Rows = In / Simd;
  localparam int unsigned Thresholds = 2**OutBits - 1;
  localparam int unsigned RowBits = Simd * Thresholds * ThresholdsBits;
  localparam int unsigned RomLatency = 2;
  localparam int unsigned CrossedLatency = 1 + rf_pkg::popcount_latency(Thresholds);
  localparam int unsigned Latency = RomLatency + CrossedLatency;
  localparam int unsigned LoadBits = rf_pkg::load_bits(RowBits, 0);

  if (In % Simd != 0) begin : gen_refuse
    $error("rf_threshold: Simd has to divide In");
  end

  logic fire, out_room;
  logic [Latency-1:0] valid_q;
  logic [rf_pkg::index_bits(Rows)-1:0] row_of_beat;
  logic [Lanes*InBits-1:0] values_q, values_qq;
  logic [Lanes*ThresholdsBits-1:0] values;
  logic [RowBits-1:0] row;
  logic [Lanes*OutBits-1:0] codes;

  logic open;
  logic load_write;
  logic [31:0] load_address;
  logic [LoadBits-1:0] load_row;

  assign fire = in_valid_i && out_room && open;
  assign in_ready_o = fire;

  rf_loader #(
    .Firings(Firings), .Drain(Latency), .Rows(32'(Rows)), .RowBits(32'(RowBits)),
    .LoadBits(LoadBits), .Depth(ConstantsDepth), .Style(ConstantsStyle)
  ) u_loader (
    .clk_i, .rst_ni, .constants_i, .constants_valid_i, .constants_ready_o, .constants_o, .constants_valid_o, .constants_ready_i,
    .open_o(open), .fire_i(fire), .write_o(load_write), .address_o(load_address), .row_o(load_row)
  );
  rf_row_of_beat #(.Rows(Rows), .Block(Block), .Repeats(Repeats)) u_row (.clk_i, .rst_ni, .step_i(fire), .row_o(row_of_beat));
  rf_constants #(
    .Words(Rows), .Bits(RowBits), .Block(ThresholdsBlock), .File(ThresholdsFile),
    .Loaded(Firings > 0), .Ultra(ThresholdsUltra), .LoadBits(LoadBits)
  ) u_thresholds (
    .clk_i, .load_write_i(load_write), .load_address_i(load_address), .load_row_i(load_row), .address_i(row_of_beat), .row_o(row)
  );

  always_ff @(posedge clk_i) begin
    valid_q <= rst_ni ? {valid_q[Latency-2:0], fire} : '0;
    values_q <= in_i;
    values_qq <= values_q;
  end

  for (genvar lane = 0; lane < Lanes; lane++) begin : gen_lane
    logic [InBits-1:0] value;
    logic unused;
    assign value = values_qq[lane*InBits +: InBits];
    assign values[lane*ThresholdsBits +: ThresholdsBits] = InSigned ? ThresholdsBits'(signed'(value)) : ThresholdsBits'(value);
    assign unused = &{value};
  end

  rf_crossed #(.Pixels(Beside), .Lanes(Simd), .Bits(ThresholdsBits), .OutBits(OutBits), .OutSigned(OutSigned)) u_crossed (
    .clk_i, .values_i(values), .thresholds_i(row), .codes_o(codes)
  );
  rf_fifo #(.Bits(Lanes * OutBits), .Depth(OutDepth), .Latency(Latency), .Style(OutStyle)) u_out (
    .clk_i, .rst_ni, .claim_i(fire), .room_o(out_room), .write_i(valid_q[Latency-1]), .data_i(codes),
    .valid_o(out_valid_o), .data_o(out_o), .ready_i(out_ready_i)
  );
endmodule
