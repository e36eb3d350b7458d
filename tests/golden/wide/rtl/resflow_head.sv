// head: 2x3x6 -> 3 of 5 labels and scores; 18 cycles a frame, set by pool.
// Generated from the description of network wide, head. Edit that, not this.
module resflow_head (
  input  logic ap_clk,
  input  logic ap_rst_n,
  input  logic [7:0] codes_in_TDATA,
  input  logic codes_in_TVALID,
  output logic codes_in_TREADY,
  output logic [31:0] labels_TDATA,
  output logic labels_TVALID,
  input  logic labels_TREADY
);
  logic [7:0] codes_in;
  logic codes_in_valid, codes_in_ready;
  logic [31:0] labels;
  logic labels_valid, labels_ready;
  logic [7:0] largest;
  logic largest_valid, largest_ready;
  logic [5:0] pooled;
  logic pooled_valid, pooled_ready;
  logic [9:0] weights;
  logic weights_valid, weights_ready;
  logic [9:0] products;
  logic products_valid, products_ready;
  logic [39:0] scores;
  logic scores_valid, scores_ready;

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

  // Maximum over all pixels, thresholds.
  rf_global_max #(
    .Pixels(6), .In(6), .Simd(2),
    .Zero(-8),
    .InBits(4), .InSigned(1'b1), .OutBits(4),
    .LargestStyle("registers"),
    .OutDepth(2)
  ) u_pool_global_max (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(codes_in), .in_valid_i(codes_in_valid), .in_ready_o(codes_in_ready),
    .out_o(largest), .out_valid_o(largest_valid), .out_ready_i(largest_ready)
  );
  rf_table #(
    .In(6), .Simd(2),
    .Block(1), .Repeats(1), .Beside(1),
    .InBits(4), .OutBits(3),
    .CodesBlock(1'b0), .CodesFile("pooled_codes"),
    .OutDepth(2)
  ) u_pooled_table (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(largest), .in_valid_i(largest_valid), .in_ready_o(largest_ready),
    .out_o(pooled), .out_valid_o(pooled_valid), .out_ready_i(pooled_ready)
  );

  // Fully connected layer.
  rf_weight_rom #(
    .Tiles(15), .Simd(2), .Pe(1),
    .WeightBits(5),
    .WeightsBlock(1'b0), .WeightsFile("fc_weights.mem"),
    .OutDepth(2)
  ) u_weight_rom (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .out_o(weights), .out_valid_o(weights_valid), .out_ready_i(weights_ready)
  );
  rf_dense #(
    .In(6), .Out(5), .Simd(2), .Pe(1),
    .InBits(3), .InSigned(1'b1), .WeightBits(5), .WeightSigned(1'b1), .AccBits(10),
    .BufferStyle("registers"),
    .OutDepth(2)
  ) u_fc_dense (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(pooled), .in_valid_i(pooled_valid), .in_ready_o(pooled_ready),
    .weights_i(weights), .weights_valid_i(weights_valid), .weights_ready_o(weights_ready),
    .out_o(products), .out_valid_o(products_valid), .out_ready_i(products_ready)
  );
  rf_scale_scores #(
    .Classes(5), .Lanes(1),
    .InBits(10), .InSigned(1'b1), .FactorBits(6), .OutBits(40),
    .FactorsBlock(1'b0), .FactorsFile("scale_factors.mem"),
    .BiasBlock(1'b0), .BiasFile("scale_bias.mem"),
    .OutDepth(2)
  ) u_scale_scale_scores (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(products), .in_valid_i(products_valid), .in_ready_o(products_ready),
    .out_o(scores), .out_valid_o(scores_valid), .out_ready_i(scores_ready)
  );

  // Labels of the largest scores, and these.
  rf_top_k_scores #(
    .Classes(5), .Top(3),
    .ScoreBits(40), .ScoreSigned(1'b1),
    .OutDepth(2)
  ) u_top_top_k_scores (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(scores), .in_valid_i(scores_valid), .in_ready_o(scores_ready),
    .out_o(labels), .out_valid_o(labels_valid), .out_ready_i(labels_ready)
  );
endmodule
