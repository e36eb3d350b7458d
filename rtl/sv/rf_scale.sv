// Multiply-add-shift: values to codes, each channel with its own multiplier and bias, instead of thresholds.
//
//   in       beats of Simd values of Beside pixels, one pixel behind the other, in the order of rf_row_of_beat
//   out      as many codes, in the same order
//   cycles   In/Simd for every Beside pixels; a beat arrives Latency cycles after it was read
//   storage  a row of Simd multipliers and one of Simd biases a beat of the pixel
//   misuse   a frame whose pixels are not In channels meets the constants of other channels; codes that OutBits do not hold wrap without a sign
// Where constants are loaded, Firings says how often it fires a frame, and constants_* are those of rf_loader.
module rf_scale #(
  parameter int unsigned In = 1,
  parameter int unsigned Simd = 1,
  parameter int unsigned Block = 1,
  parameter int unsigned Repeats = 1,
  parameter int unsigned Beside = 1,
  parameter int unsigned Shift = 1,
  parameter int unsigned HalfEven = 0,
  parameter int Step = 1,
  parameter int Offset = 0,
  parameter int Low = 0,
  parameter int High = 1,
  parameter int unsigned InBits = 2,
  parameter bit InSigned = 1'b0,
  parameter int unsigned OutBits = 1,
  parameter int unsigned MultiplierBits = 1,
  parameter int unsigned BiasBits = 3,
  parameter bit MultipliersBlock = 1'b0,
  parameter bit MultipliersUltra = 1'b0,
  parameter MultipliersFile = "",
  parameter bit BiasesBlock = 1'b0,
  parameter bit BiasesUltra = 1'b0,
  parameter BiasesFile = "",
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
  localparam int unsigned Latency = 6;  // multipliers from their ROM, product, sum, rounding, clamp
  localparam int unsigned Rows = In / Simd;
  localparam int unsigned LoadBits = rf_pkg::load_bits(Simd * MultiplierBits, Simd * BiasBits);

  if (In % Simd != 0) begin : gen_refuse
    $error("rf_scale: Simd has to divide In");
  end

  logic fire, out_room;
  logic [Latency-1:0] valid_q;
  logic [rf_pkg::index_bits(Rows)-1:0] row, row_q;
  logic [Lanes*InBits-1:0] values_q, values_qq;
  logic [Simd*MultiplierBits-1:0] multipliers;
  logic [Simd*BiasBits-1:0] biases;
  logic [Lanes*OutBits-1:0] codes;

  logic open;
  logic [1:0] load_write;
  logic [31:0] load_address;
  logic [LoadBits-1:0] load_row;

  assign fire = in_valid_i && out_room && open;
  assign in_ready_o = fire;

  rf_loader #(
    .Firings(Firings), .Drain(Latency), .Memories(2),
    .Rows({32'(Rows), 32'(Rows)}), .RowBits({32'(Simd * BiasBits), 32'(Simd * MultiplierBits)}),
    .LoadBits(LoadBits), .Depth(ConstantsDepth), .Style(ConstantsStyle)
  ) u_loader (
    .clk_i, .rst_ni, .constants_i, .constants_valid_i, .constants_ready_o, .constants_o, .constants_valid_o, .constants_ready_i,
    .open_o(open), .fire_i(fire), .write_o(load_write), .address_o(load_address), .row_o(load_row)
  );
  // The bias is looked up a cycle later than the multiplier, to be there with the product.
  rf_row_of_beat #(.Rows(Rows), .Block(Block), .Repeats(Repeats)) u_row (.clk_i, .rst_ni, .step_i(fire), .row_o(row));
  rf_constants #(
    .Words(Rows), .Bits(Simd * MultiplierBits), .Block(MultipliersBlock), .File(MultipliersFile),
    .Loaded(Firings > 0), .Ultra(MultipliersUltra), .LoadBits(LoadBits)
  ) u_multipliers (
    .clk_i, .load_write_i(load_write[0]), .load_address_i(load_address), .load_row_i(load_row), .address_i(row), .row_o(multipliers)
  );
  rf_constants #(
    .Words(Rows), .Bits(Simd * BiasBits), .Block(BiasesBlock), .File(BiasesFile),
    .Loaded(Firings > 0), .Ultra(BiasesUltra), .LoadBits(LoadBits)
  ) u_biases (
    .clk_i, .load_write_i(load_write[1]), .load_address_i(load_address), .load_row_i(load_row), .address_i(row_q), .row_o(biases)
  );

  always_ff @(posedge clk_i) begin
    valid_q <= rst_ni ? {valid_q[Latency-2:0], fire} : '0;
    row_q <= row;
    values_q <= in_i;
    values_qq <= values_q;
  end

  for (genvar lane = 0; lane < Lanes; lane++) begin : gen_lane
    localparam int unsigned Channel = lane % Simd;
    rf_rescaled #(
      .Bits(InBits), .Signed(InSigned), .MultiplierBits(MultiplierBits), .BiasBits(BiasBits), .Shift(Shift), .HalfEven(HalfEven),
      .Step(Step), .Offset(Offset), .Low(Low), .High(High), .OutBits(OutBits)
    ) u_code (
      .clk_i, .value_i(values_qq[lane*InBits +: InBits]), .multiplier_i(multipliers[Channel*MultiplierBits +: MultiplierBits]),
      .bias_i(biases[Channel*BiasBits +: BiasBits]), .code_o(codes[lane*OutBits +: OutBits])
    );
  end

  rf_fifo #(.Bits(Lanes * OutBits), .Depth(OutDepth), .Latency(Latency), .Style(OutStyle)) u_out (
    .clk_i, .rst_ni, .claim_i(fire), .room_o(out_room), .write_i(valid_q[Latency-1]), .data_i(codes),
    .valid_o(out_valid_o), .data_o(out_o), .ready_i(out_ready_i)
  );
endmodule
