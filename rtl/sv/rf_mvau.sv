// Matrix-vector-threshold unit: a convolution over im2col windows, or a 1x1 convolution straight over pixels.
//
//   in       beats of Pixels*Taps*Simd codes: windows, (kernel_y, kernel_x, channel), of several taps the same channels of each;
//            FoldIn = kernel/Taps * In/Simd beats
//   out      beats of Pixels*Pe codes: pixels, channels in order; FoldOut = Out/Pe beats
//   cycles   FoldIn * FoldOut for each group of Pixels pixels; a beat arrives Latency cycles after the last firing of its fold
//   storage  that of rf_window_sums, which has the products and their sums; a row of Pe * (2**OutBits - 1) thresholds a fold
//   misuse   that of rf_window_sums
// Where constants are loaded, Firings says how often it fires a frame, and constants_* are those of rf_loader.
module rf_mvau #(
  parameter int unsigned KernelHeight = 1,
  parameter int unsigned KernelWidth = 1,
  parameter int unsigned In = 1,
  parameter int unsigned Out = 1,
  parameter int unsigned Simd = 1,
  parameter int unsigned Pe = 1,
  parameter int unsigned Pixels = 1,
  parameter int unsigned Taps = 1,
  parameter int unsigned InBits = 1,
  parameter bit InSigned = 1'b0,
  parameter int unsigned WeightBits = 1,
  parameter bit WeightSigned = 1'b0,
  parameter bit WeightBipolar = 1'b0,
  parameter int unsigned DspWeights = 1,
  parameter int unsigned DspPixels = 1,
  parameter int unsigned WeightStep = 0,
  parameter int unsigned PixelStep = 0,
  parameter int unsigned Chain = 0,  // 0: products are in LUTs
  parameter int unsigned OutBits = 1,
  parameter bit OutSigned = 1'b0,
  parameter bit WeightsBlock = 1'b0,
  parameter bit WeightsUltra = 1'b0,
  parameter WeightsFile = "",
  parameter int unsigned ThresholdsBits = 8,
  parameter bit ThresholdsBlock = 1'b0,
  parameter bit ThresholdsUltra = 1'b0,
  parameter ThresholdsFile = "",
  parameter WindowStyle = "distributed",
  parameter int unsigned OutDepth = 2,
  parameter OutStyle = "distributed",
  parameter int unsigned Firings = 0,  // of a frame, where constants are loaded
  parameter int unsigned ConstantsDepth = 0,
  parameter ConstantsStyle = "distributed"
) (
  input  logic                               clk_i,
  input  logic                               rst_ni,
  input  logic [Pixels*Taps*Simd*InBits-1:0] in_i,
  input  logic                               in_valid_i,
  output logic                               in_ready_o,
  output logic [Pixels*Pe*OutBits-1:0]       out_o,
  output logic                               out_valid_o,
  input  logic                               out_ready_i,
  input  logic [63:0]                        constants_i,
  input  logic                               constants_valid_i,
  output logic                               constants_ready_o,
  output logic [63:0]                        constants_o,
  output logic                               constants_valid_o,
  input  logic                               constants_ready_i
);
  localparam int unsigned FoldIn = KernelHeight * KernelWidth / Taps * (In / Simd);
  localparam int unsigned FoldOut = Out / Pe;
  localparam int unsigned Thresholds = 2**OutBits - 1;
  localparam int unsigned SumBits = ThresholdsBits;  // which hold every sum, and one more than the largest
  localparam int unsigned RomLatency = 2;
  localparam int unsigned CrossedLatency = 1 + rf_pkg::popcount_latency(Thresholds);
  localparam int unsigned SumLatency = rf_pkg::sums_latency(Taps * Simd, InBits, WeightBits, WeightBipolar, Chain);
  localparam int unsigned Latency = RomLatency + SumLatency + CrossedLatency;
  localparam int unsigned WeightsRow = Pe * Taps * Simd * WeightBits;
  localparam int unsigned ThresholdsRow = Pe * Thresholds * ThresholdsBits;
  localparam int unsigned LoadBits = rf_pkg::load_bits(WeightsRow, ThresholdsRow);

  logic fire, claim, out_room, sums_valid;
  logic [rf_pkg::index_bits(FoldOut)-1:0] fold;
  logic [Pixels*Pe*SumBits-1:0] sums;
  logic [ThresholdsRow-1:0] thresholds;
  logic [CrossedLatency-1:0] crossed_q;
  logic [Pixels*Pe*OutBits-1:0] codes;
  logic open;
  logic [1:0] load_write;
  logic [31:0] load_address;
  logic [LoadBits-1:0] load_row;

  rf_loader #(
    .Firings(Firings), .Drain(Latency), .Memories(2),
    .Rows({32'(FoldOut), 32'(FoldIn * FoldOut)}), .RowBits({32'(ThresholdsRow), 32'(WeightsRow)}),
    .LoadBits(LoadBits), .Depth(ConstantsDepth), .Style(ConstantsStyle)
  ) u_loader (
    .clk_i, .rst_ni, .constants_i, .constants_valid_i, .constants_ready_o, .constants_o, .constants_valid_o, .constants_ready_i,
    .open_o(open), .fire_i(fire), .write_o(load_write), .address_o(load_address), .row_o(load_row)
  );
  rf_window_sums #(
    .KernelHeight(KernelHeight), .KernelWidth(KernelWidth), .In(In), .Out(Out), .Simd(Simd), .Pe(Pe), .Pixels(Pixels), .Taps(Taps),
    .InBits(InBits), .InSigned(InSigned), .WeightBits(WeightBits), .WeightSigned(WeightSigned), .WeightBipolar(WeightBipolar),
    .DspWeights(DspWeights), .DspPixels(DspPixels), .WeightStep(WeightStep), .PixelStep(PixelStep), .Chain(Chain),
    .SumBits(SumBits), .WeightsBlock(WeightsBlock), .WeightsUltra(WeightsUltra), .WeightsFile(WeightsFile),
    .WindowStyle(WindowStyle), .Firings(Firings), .LoadBits(LoadBits)
  ) u_sums (
    .clk_i, .rst_ni, .in_i, .in_valid_i, .in_ready_o, .open_i(open), .fire_o(fire),
    .load_write_i(load_write[0]), .load_address_i(load_address), .load_row_i(load_row), .room_i(out_room), .claim_o(claim),
    .fold_o(fold), .sums_o(sums),
    .valid_o(sums_valid)
  );
  rf_constants #(
    .Words(FoldOut), .Bits(ThresholdsRow), .Block(ThresholdsBlock), .File(ThresholdsFile),
    .Loaded(Firings > 0), .Ultra(ThresholdsUltra), .LoadBits(LoadBits)
  ) u_thresholds (
    .clk_i, .load_write_i(load_write[1]), .load_address_i(load_address), .load_row_i(load_row), .address_i(fold), .row_o(thresholds)
  );
  rf_crossed #(.Pixels(Pixels), .Lanes(Pe), .Bits(SumBits), .OutBits(OutBits), .OutSigned(OutSigned)) u_crossed (
    .clk_i, .values_i(sums), .thresholds_i(thresholds), .codes_o(codes)
  );

  always_ff @(posedge clk_i) crossed_q <= rst_ni ? CrossedLatency'({crossed_q, sums_valid}) : '0;

  rf_fifo #(.Bits(Pixels * Pe * OutBits), .Depth(OutDepth), .Latency(Latency), .Style(OutStyle)) u_out (
    .clk_i, .rst_ni, .claim_i(claim), .room_o(out_room), .write_i(crossed_q[CrossedLatency-1]), .data_i(codes),
    .valid_o(out_valid_o), .data_o(out_o), .ready_i(out_ready_i)
  );
endmodule
