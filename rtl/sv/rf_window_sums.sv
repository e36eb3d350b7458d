// What matrix-vector units have in common: the products of a layer with its weights, summed over windows.
//
//   in       beats of Pixels*Taps*Simd codes: windows, (kernel_y, kernel_x, channel), of several taps the same channels of each;
//            FoldIn = kernel/Taps * In/Simd beats
//   open_i   it may fire; fire_o says that it does, each time
//   load_*   of rf_loader: a row of weights is written
//   claim_o  the last firing of a fold, whose sums come Latency cycles later; only where room_i
//   sums_o   with valid_o, once a fold: the Pe sums of pixel 0, then of pixel 1, of SumBits bits in two's complement; FoldOut = Out/Pe
//   fold_o   the fold whose sums come two cycles later, as long as a ROM takes
//   cycles   FoldIn * FoldOut for each group of Pixels pixels
//   storage  a row of Pe*Lanes weights a tile, tile = fold * FoldIn + beat; the FoldIn beats of a window in a delay line, where there is
//            more than one fold
//   misuse   the windows of another kernel or stride leave beats over or keep it waiting; folds that do not divide are refused by $error
// A window is read during its first fold and comes out of the delay line for the others; PE p of fold f is output channel f*Pe + p.
// Of Pixels windows side by side each has its own sums, and all share the weights.
module rf_window_sums #(
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
  parameter int unsigned SumBits = 8,
  parameter bit WeightsBlock = 1'b0,
  parameter bit WeightsUltra = 1'b0,
  parameter WeightsFile = "",
  parameter WindowStyle = "distributed",
  parameter int unsigned Firings = 0,
  parameter int unsigned LoadBits = 64,
  localparam int unsigned FoldOut = Out / Pe,
  localparam int unsigned FoldBits = rf_pkg::index_bits(FoldOut)
) (
  input  logic                               clk_i,
  input  logic                               rst_ni,
  input  logic [Pixels*Taps*Simd*InBits-1:0] in_i,
  input  logic                               in_valid_i,
  output logic                               in_ready_o,
  input  logic                               open_i,
  output logic                               fire_o,
  input  logic                               load_write_i,
  input  logic [31:0]                        load_address_i,
  input  logic [LoadBits-1:0]                load_row_i,
  input  logic                               room_i,
  output logic                               claim_o,
  output logic [FoldBits-1:0]                fold_o,
  output logic [Pixels*Pe*SumBits-1:0]       sums_o,
  output logic                               valid_o
);
  localparam int unsigned FoldIn = KernelHeight * KernelWidth / Taps * (In / Simd);
  localparam int unsigned Lanes = Taps * Simd;  // of a pixel in a beat
  localparam int unsigned BeatBits = Pixels * Lanes * InBits;
  localparam int unsigned RomLatency = 2;
  localparam int unsigned SumLatency = rf_pkg::sums_latency(Lanes, InBits, WeightBits, WeightBipolar, Chain);

  if (Taps != 1 && Taps != KernelWidth && Taps != KernelHeight * KernelWidth) begin : gen_refuse_taps
    $error("rf_window_sums: a beat has one tap of the kernel, a row of them, or all");
  end
  if (In % Simd != 0 || Out % Pe != 0) begin : gen_refuse
    $error("rf_window_sums: Simd has to divide In, and Pe has to divide Out");
  end

  // Firings: a window is read in its first fold, and each fold ends with a beat.
  logic fire, first_fold_q, first_beat, last_beat, last_fold;
  logic [FoldBits-1:0] fold;
  logic [rf_pkg::index_bits(FoldIn * FoldOut)-1:0] tile;
  logic unused_last;

  assign fire = open_i && (!first_fold_q || in_valid_i) && (!last_beat || room_i);
  assign fire_o = fire;
  assign in_ready_o = fire && first_fold_q;
  assign claim_o = fire && last_beat;

  rf_loop #(.Times(FoldIn)) u_beat (.clk_i, .rst_ni, .step_i(fire), .first_o(first_beat), .last_o(last_beat));
  rf_counter #(.Last(FoldOut - 1)) u_fold (.clk_i, .rst_ni, .step_i(fire && last_beat), .count_o(fold), .last_o(last_fold));
  rf_counter #(.Last(FoldIn * FoldOut - 1)) u_tile (.clk_i, .rst_ni, .step_i(fire), .count_o(tile), .last_o(unused_last));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) first_fold_q <= 1'b1;
    else if (fire && last_beat) first_fold_q <= last_fold;
  end

  // The beat, and two cycles after the firing its weights.
  logic [BeatBits-1:0] beat, beat_q, beat_qq;
  logic [Pe*Lanes*WeightBits-1:0] weights;
  logic [RomLatency-1:0] valid_q, first_q, last_q;

  if (FoldOut > 1) begin : gen_window
    logic [BeatBits-1:0] kept;
    rf_delay #(.Steps(FoldIn), .Bits(BeatBits), .Style(WindowStyle)) u_window (.clk_i, .rst_ni, .step_i(fire), .in_i(beat), .out_o(kept));
    assign beat = first_fold_q ? in_i : kept;
  end else begin : gen_stream
    assign beat = in_i;
  end

  rf_constants #(
    .Words(FoldIn * FoldOut), .Bits(Pe * Lanes * WeightBits), .Block(WeightsBlock), .File(WeightsFile),
    .Loaded(Firings > 0), .Ultra(WeightsUltra), .LoadBits(LoadBits)
  ) u_weights (
    .clk_i, .load_write_i, .load_address_i, .load_row_i, .address_i(tile), .row_o(weights)
  );

  always_ff @(posedge clk_i) begin
    beat_q <= beat;
    beat_qq <= beat_q;
    valid_q <= rst_ni ? {valid_q[0], fire} : '0;
    first_q <= {first_q[0], first_beat};
    last_q <= {last_q[0], last_beat};
  end

  // A fold's number keeps up with its sums, two cycles ahead of them.
  logic [FoldBits*SumLatency-1:0] fold_q;

  assign fold_o = fold_q[FoldBits-1:0];
  always_ff @(posedge clk_i) fold_q <= (FoldBits * SumLatency)'({fold, fold_q} >> FoldBits);

  rf_pe_array #(
    .Pixels(Pixels), .Pe(Pe), .Simd(Lanes), .FoldIn(FoldIn), .InBits(InBits), .InSigned(InSigned), .WeightBits(WeightBits),
    .WeightSigned(WeightSigned), .WeightBipolar(WeightBipolar), .DspWeights(DspWeights), .DspPixels(DspPixels), .WeightStep(WeightStep),
    .PixelStep(PixelStep), .Chain(Chain), .SumBits(SumBits)
  ) u_pes (
    .clk_i, .rst_ni, .codes_i(beat_qq), .weights_i(weights), .valid_i(valid_q[1]), .first_i(first_q[1]), .last_i(last_q[1]),
    .sums_o, .valid_o
  );
endmodule
