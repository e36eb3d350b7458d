// head: 3x2x6 -> 3 of 5 labels; 18 cycles a frame, set by pool.
// Generated from the description of network toy, head. Edit that, not this.
module resflow_head (
  input  logic ap_clk,
  input  logic ap_rst_n,
  input  logic [7:0] codes_in_TDATA,
  input  logic codes_in_TVALID,
  output logic codes_in_TREADY,
  output logic [31:0] labels_TDATA,
  output logic labels_TVALID,
  input  logic labels_TREADY,
  input  logic [63:0] constants_in_TDATA,
  input  logic constants_in_TVALID,
  output logic constants_in_TREADY
);
  logic [7:0] codes_in;
  logic codes_in_valid, codes_in_ready;
  logic [31:0] labels;
  logic labels_valid, labels_ready;
  logic [63:0] constants_in;
  logic constants_in_valid, constants_in_ready;
  logic [11:0] sums;
  logic sums_valid, sums_ready;
  logic [15:0] weights;
  logic weights_valid, weights_ready;
  logic [31:0] scores;
  logic scores_valid, scores_ready;
  logic [63:0] fc_constants;
  logic fc_constants_valid, fc_constants_ready;

  // AXI4-Stream ports
  rf_slice #(.Bits(8)) u_codes_in_slice (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(codes_in_TDATA[7:0]), .in_valid_i(codes_in_TVALID), .in_ready_o(codes_in_TREADY),
    .out_o(codes_in), .out_valid_o(codes_in_valid), .out_ready_i(codes_in_ready)
  );
  rf_slice #(.Bits(32)) u_labels_slice (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(labels), .in_valid_i(labels_valid), .in_ready_o(labels_ready),
    .out_o(labels_TDATA[31:0]), .out_valid_o(labels_TVALID), .out_ready_i(labels_TREADY)
  );
  rf_slice #(.Bits(64)) u_constants_in_slice (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(constants_in_TDATA[63:0]), .in_valid_i(constants_in_TVALID), .in_ready_o(constants_in_TREADY),
    .out_o(constants_in), .out_valid_o(constants_in_valid), .out_ready_i(constants_in_ready)
  );

  // Sum over all pixels.
  rf_accumulate_pool #(
    .Pixels(6), .In(6), .Simd(2), .Zero(8),
    .InBits(4), .OutBits(6),
    .SumsStyle("registers"),
    .OutDepth(2)
  ) u_pool_accumulate_pool (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(codes_in), .in_valid_i(codes_in_valid), .in_ready_o(codes_in_ready),
    .out_o(sums), .out_valid_o(sums_valid), .out_ready_i(sums_ready)
  );

  // Fully connected layer.
  rf_weight_rom #(
    .Tiles(15), .Simd(2), .Pe(1),
    .WeightBits(8),
    .Firings(15),
    .WeightsBlock(1'b0), .WeightsUltra(1'b0),
    .OutDepth(2),
    .ConstantsDepth(2)
  ) u_weight_rom (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .constants_i(constants_in), .constants_valid_i(constants_in_valid), .constants_ready_o(constants_in_ready),
    .out_o(weights), .out_valid_o(weights_valid), .out_ready_i(weights_ready),
    .constants_o(fc_constants), .constants_valid_o(fc_constants_valid), .constants_ready_i(fc_constants_ready)
  );
  rf_dense #(
    .In(6), .Out(5), .Simd(2), .Pe(1),
    .DspWeights(1), .DspPixels(1), .WeightStep(0), .PixelStep(0), .Chain(2),
    .InBits(6), .InSigned(1'b0), .WeightBits(8), .WeightSigned(1'b1), .AccBits(32),
    .Firings(15),
    .BiasBlock(1'b0), .BiasUltra(1'b0),
    .BufferStyle("registers"),
    .OutDepth(2)
  ) u_fc_dense (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(sums), .in_valid_i(sums_valid), .in_ready_o(sums_ready),
    .weights_i(weights), .weights_valid_i(weights_valid), .weights_ready_o(weights_ready),
    .constants_i(fc_constants), .constants_valid_i(fc_constants_valid), .constants_ready_o(fc_constants_ready),
    .out_o(scores), .out_valid_o(scores_valid), .out_ready_i(scores_ready)
  );

  // Labels of the largest scores.
  rf_top_k #(
    .Classes(5), .Top(3),
    .ScoreBits(32), .ScoreSigned(1'b1),
    .OutDepth(2)
  ) u_top_top_k (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(scores), .in_valid_i(scores_valid), .in_ready_o(scores_ready),
    .out_o(labels), .out_valid_o(labels_valid), .out_ready_i(labels_ready)
  );
endmodule
