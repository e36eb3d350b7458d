// Fully connected layer: a matrix-vector product plus bias. Its weights come as a stream, and every one is used once a frame and then gone.
//
//   in       beats of Simd codes: FoldIn = In/Simd a frame
//   weights  beats of Pe*Simd weights, one a firing: PE by PE, the inputs of each together, all beats of fold 0 first
//   out      beats of Pe scores: FoldOut = Out/Pe a frame
//   cycles   FoldIn * FoldOut a frame; a beat arrives Latency cycles after the last firing of its fold
//   storage  the FoldIn beats of a frame in a delay line, where there is more than one fold; a row of Pe biases a fold. Without a BiasFile,
//            and where none are loaded, there is no bias
//   misuse   weights in another order give wrong scores; too few beats of them, and it waits holding the frame; too many, and the next
//            frame begins with the rest. Folds that do not divide are refused by $error
// Where constants are loaded, Firings says how often it fires a frame, and constants_* are those of rf_loader.
module rf_dense #(
  parameter int unsigned In = 1,
  parameter int unsigned Out = 1,
  parameter int unsigned Simd = 1,
  parameter int unsigned Pe = 1,
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
  parameter int unsigned AccBits = 8,
  parameter bit BiasBlock = 1'b0,
  parameter bit BiasUltra = 1'b0,
  parameter BiasFile = "",
  parameter BufferStyle = "distributed",
  parameter int unsigned OutDepth = 2,
  parameter OutStyle = "distributed",
  parameter int unsigned Firings = 0,  // of a frame, where constants are loaded
  parameter int unsigned ConstantsDepth = 0,
  parameter ConstantsStyle = "distributed"
) (
  input  logic                          clk_i,
  input  logic                          rst_ni,
  input  logic [Simd*InBits-1:0]        in_i,
  input  logic                          in_valid_i,
  output logic                          in_ready_o,
  input  logic [Pe*Simd*WeightBits-1:0] weights_i,
  input  logic                          weights_valid_i,
  output logic                          weights_ready_o,
  output logic [Pe*AccBits-1:0]         out_o,
  output logic                          out_valid_o,
  input  logic                          out_ready_i,
  input  logic [63:0]                   constants_i,
  input  logic                          constants_valid_i,
  output logic                          constants_ready_o,
  output logic [63:0]                   constants_o,
  output logic                          constants_valid_o,
  input  logic                          constants_ready_i
);
  localparam int unsigned FoldIn = In / Simd;
  localparam int unsigned FoldOut = Out / Pe;
  localparam int unsigned FoldBits = rf_pkg::index_bits(FoldOut);
  localparam int unsigned BeatBits = Simd * InBits;
  localparam int unsigned SumLatency = rf_pkg::sums_latency(Simd, InBits, WeightBits, WeightBipolar, Chain);
  localparam int unsigned Latency = 1 + SumLatency + 1;
  localparam int unsigned LoadBits = rf_pkg::load_bits(Pe * AccBits, 0);

  if (In % Simd != 0 || Out % Pe != 0) begin : gen_refuse
    $error("rf_dense: Simd has to divide In, and Pe has to divide Out");
  end

  logic fire, first_fold_q, first_beat, last_beat, last_fold, out_room;
  logic [FoldBits-1:0] fold;

  logic open;
  logic load_write;
  logic [31:0] load_address;
  logic [LoadBits-1:0] load_row;

  assign fire = open && (!first_fold_q || in_valid_i) && weights_valid_i && (!last_beat || out_room);
  assign in_ready_o = fire && first_fold_q;
  assign weights_ready_o = fire;

  rf_loader #(
    .Firings(Firings), .Drain(Latency), .Rows(32'(FoldOut)), .RowBits(32'(Pe * AccBits)),
    .LoadBits(LoadBits), .Depth(ConstantsDepth), .Style(ConstantsStyle)
  ) u_loader (
    .clk_i, .rst_ni, .constants_i, .constants_valid_i, .constants_ready_o, .constants_o, .constants_valid_o, .constants_ready_i,
    .open_o(open), .fire_i(fire), .write_o(load_write), .address_o(load_address), .row_o(load_row)
  );
  rf_loop #(.Times(FoldIn)) u_beat (.clk_i, .rst_ni, .step_i(fire), .first_o(first_beat), .last_o(last_beat));
  rf_counter #(.Last(FoldOut - 1)) u_fold (.clk_i, .rst_ni, .step_i(fire && last_beat), .count_o(fold), .last_o(last_fold));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) first_fold_q <= 1'b1;
    else if (fire && last_beat) first_fold_q <= last_fold;
  end

  logic [BeatBits-1:0] beat, beat_q;
  logic [Pe*Simd*WeightBits-1:0] weights_q;
  logic valid_q, first_q, last_q;

  if (FoldOut > 1) begin : gen_buffer
    logic [BeatBits-1:0] kept;
    rf_delay #(.Steps(FoldIn), .Bits(BeatBits), .Style(BufferStyle)) u_buffer (.clk_i, .rst_ni, .step_i(fire), .in_i(beat), .out_o(kept));
    assign beat = first_fold_q ? in_i : kept;
  end else begin : gen_stream
    assign beat = in_i;
  end

  always_ff @(posedge clk_i) begin
    beat_q <= beat;
    weights_q <= weights_i;
    valid_q <= fire && rst_ni;
    first_q <= first_beat;
    last_q <= last_beat;
  end

  // The sums; the bias of a fold is looked up so that it is there with them.
  localparam int unsigned FoldDelay = SumLatency - 1;
  logic [Pe*AccBits-1:0] sums, bias, scores_q;
  logic [FoldBits*FoldDelay-1:0] fold_q;
  logic sums_valid, write_q;

  rf_pe_array #(
    .Pe(Pe), .Simd(Simd), .FoldIn(FoldIn), .InBits(InBits), .InSigned(InSigned), .WeightBits(WeightBits), .WeightSigned(WeightSigned),
    .WeightBipolar(WeightBipolar), .DspWeights(DspWeights), .DspPixels(DspPixels), .WeightStep(WeightStep),
    .PixelStep(PixelStep), .Chain(Chain), .SumBits(AccBits)
  ) u_pes (
    .clk_i, .rst_ni, .codes_i(beat_q), .weights_i(weights_q), .valid_i(valid_q), .first_i(first_q), .last_i(last_q),
    .sums_o(sums), .valid_o(sums_valid)
  );
  if (BiasFile == "" && Firings == 0) begin : gen_no_bias
    logic unused;
    assign unused = &{fold_q, load_write, load_address, load_row};
    assign bias = '0;
  end else begin : gen_bias
    rf_constants #(
      .Words(FoldOut), .Bits(Pe * AccBits), .Block(BiasBlock), .File(BiasFile),
      .Loaded(Firings > 0), .Ultra(BiasUltra), .LoadBits(LoadBits)
    ) u_bias (
      .clk_i, .load_write_i(load_write), .load_address_i(load_address), .load_row_i(load_row),
      .address_i(fold_q[FoldBits-1:0]), .row_o(bias)
    );
  end

  always_ff @(posedge clk_i) begin
    fold_q <= (FoldBits * FoldDelay)'({fold, fold_q} >> FoldBits);
    write_q <= sums_valid && rst_ni;
    for (int unsigned pe = 0; pe < Pe; pe++) begin
      scores_q[pe*AccBits +: AccBits] <= sums[pe*AccBits +: AccBits] + bias[pe*AccBits +: AccBits];
    end
  end

  rf_fifo #(.Bits(Pe * AccBits), .Depth(OutDepth), .Latency(Latency), .Style(OutStyle)) u_out (
    .clk_i, .rst_ni, .claim_i(fire && last_beat), .room_o(out_room), .write_i(write_q), .data_i(scores_q),
    .valid_o(out_valid_o), .data_o(out_o), .ready_i(out_ready_i)
  );
endmodule
