// res2a: 3x2x4 -> 3x2x6, basic, projection bypass; 217 cycles a frame, set by conv1.
// Generated from the description of network toy, res2a. Edit that, not this.
module resflow_res2a (
  input  logic ap_clk,
  input  logic ap_rst_n,
  input  logic [7:0] codes_in_TDATA,
  input  logic codes_in_TVALID,
  output logic codes_in_TREADY,
  output logic [7:0] codes_out_TDATA,
  output logic codes_out_TVALID,
  input  logic codes_out_TREADY,
  input  logic [63:0] constants_in_TDATA,
  input  logic constants_in_TVALID,
  output logic constants_in_TREADY,
  output logic [63:0] constants_out_TDATA,
  output logic constants_out_TVALID,
  input  logic constants_out_TREADY
);
  logic [7:0] codes_in;
  logic codes_in_valid, codes_in_ready;
  logic [7:0] codes_out;
  logic codes_out_valid, codes_out_ready;
  logic [63:0] constants_in;
  logic constants_in_valid, constants_in_ready;
  logic [63:0] constants_out;
  logic constants_out_valid, constants_out_ready;
  logic [3:0] entry_in;
  logic entry_in_valid, entry_in_ready;
  logic [3:0] main_in;  // 8 beats: 2 rows: they arrive while the last windows of the frame before leave
  logic main_in_valid, main_in_ready;
  logic [3:0] bypass;  // 48 beats: 12 rows: as many as the main path holds
  logic bypass_valid, bypass_ready;
  logic [3:0] conv1_window;  // 4 beats: windows to compute while the first rows of the next frame arrive
  logic conv1_window_valid, conv1_window_ready;
  logic [3:0] conv1_out;
  logic conv1_out_valid, conv1_out_ready;
  logic [7:0] conv2_in;  // 4 beats: 2 rows: they arrive while the last windows of the frame before leave
  logic conv2_in_valid, conv2_in_ready;
  logic [7:0] conv2_window;
  logic conv2_window_valid, conv2_window_ready;
  logic [23:0] conv2_sums;
  logic conv2_sums_valid, conv2_sums_ready;
  logic [7:0] conv2_act_in;
  logic conv2_act_in_valid, conv2_act_in_ready;
  logic [3:0] conv2_out;
  logic conv2_out_valid, conv2_out_ready;
  logic [7:0] bypass_in;
  logic bypass_in_valid, bypass_in_ready;
  logic [7:0] bypass_out;
  logic bypass_out_valid, bypass_out_ready;
  logic [3:0] join_in;
  logic join_in_valid, join_in_ready;
  logic [3:0] joined;
  logic joined_valid, joined_ready;
  logic [63:0] conv2_constants;
  logic conv2_constants_valid, conv2_constants_ready;
  logic [63:0] conv2_act_constants;
  logic conv2_act_constants_valid, conv2_act_constants_ready;
  logic [63:0] bypass_constants;
  logic bypass_constants_valid, bypass_constants_ready;

  // AXI4-Stream ports
  rf_slice #(.Bits(8)) u_codes_in_slice (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(codes_in_TDATA[7:0]), .in_valid_i(codes_in_TVALID), .in_ready_o(codes_in_TREADY),
    .out_o(codes_in), .out_valid_o(codes_in_valid), .out_ready_i(codes_in_ready)
  );
  rf_slice #(.Bits(8)) u_codes_out_slice (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(codes_out), .in_valid_i(codes_out_valid), .in_ready_o(codes_out_ready),
    .out_o(codes_out_TDATA[7:0]), .out_valid_o(codes_out_TVALID), .out_ready_i(codes_out_TREADY)
  );
  rf_slice #(.Bits(64)) u_constants_in_slice (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(constants_in_TDATA[63:0]), .in_valid_i(constants_in_TVALID), .in_ready_o(constants_in_TREADY),
    .out_o(constants_in), .out_valid_o(constants_in_valid), .out_ready_i(constants_in_ready)
  );
  rf_slice #(.Bits(64)) u_constants_out_slice (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(constants_out), .in_valid_i(constants_out_valid), .in_ready_o(constants_out_ready),
    .out_o(constants_out_TDATA[63:0]), .out_valid_o(constants_out_TVALID), .out_ready_i(constants_out_TREADY)
  );

  // Entry: a copy for each branch.
  rf_dwc #(
    .LanesIn(4), .LanesOut(2),
    .CodeBits(2),
    .OutDepth(2)
  ) u_entry_dwc_dwc (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(codes_in), .in_valid_i(codes_in_valid), .in_ready_o(codes_in_ready),
    .out_o(entry_in), .out_valid_o(entry_in_valid), .out_ready_i(entry_in_ready)
  );
  rf_fork #(
    .Lanes(2),
    .CodeBits(2),
    .MainDepth(8),
    .BypassDepth(48)
  ) u_fork (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(entry_in), .in_valid_i(entry_in_valid), .in_ready_o(entry_in_ready),
    .main_o(main_in), .main_valid_o(main_in_valid), .main_ready_i(main_in_ready),
    .bypass_o(bypass), .bypass_valid_o(bypass_valid), .bypass_ready_i(bypass_ready)
  );

  // Main branch: 3x3/1, 3x3/1.
  rf_swg #(
    .Height(3), .Width(2), .In(4), .Simd(2), .Pixels(1),
    .KernelHeight(3), .KernelWidth(3), .StrideHeight(1), .StrideWidth(1),
    .PadTop(1), .PadBottom(1), .PadLeft(1), .PadRight(1),
    .InBits(2),
    .RingStyle("distributed"),
    .OutDepth(4)
  ) u_conv1_swg (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(main_in), .in_valid_i(main_in_valid), .in_ready_o(main_in_ready),
    .out_o(conv1_window), .out_valid_o(conv1_window_valid), .out_ready_i(conv1_window_ready)
  );
  rf_mvau #(
    .In(4), .Out(4), .Simd(2), .Pe(2), .Pixels(1), .Taps(1),
    .KernelHeight(3), .KernelWidth(3),
    .InBits(2), .InSigned(1'b0), .WeightBits(1), .WeightBipolar(1'b1), .OutBits(2),
    .Firings(216),
    .WeightsBlock(1'b0), .WeightsUltra(1'b0),
    .ThresholdsBits(8), .ThresholdsBlock(1'b0), .ThresholdsUltra(1'b0),
    .WindowStyle("distributed"),
    .OutDepth(2),
    .ConstantsDepth(2)
  ) u_conv1_mvau (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(conv1_window), .in_valid_i(conv1_window_valid), .in_ready_o(conv1_window_ready),
    .constants_i(constants_in), .constants_valid_i(constants_in_valid), .constants_ready_o(constants_in_ready),
    .out_o(conv1_out), .out_valid_o(conv1_out_valid), .out_ready_i(conv1_out_ready),
    .constants_o(conv2_constants), .constants_valid_o(conv2_constants_valid), .constants_ready_i(conv2_constants_ready)
  );
  rf_dwc #(
    .LanesIn(2), .LanesOut(4),
    .CodeBits(2),
    .OutDepth(4)
  ) u_conv2_dwc_dwc (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(conv1_out), .in_valid_i(conv1_out_valid), .in_ready_o(conv1_out_ready),
    .out_o(conv2_in), .out_valid_o(conv2_in_valid), .out_ready_i(conv2_in_ready)
  );
  rf_swg #(
    .Height(3), .Width(2), .In(4), .Simd(4), .Pixels(1),
    .KernelHeight(3), .KernelWidth(3), .StrideHeight(1), .StrideWidth(1),
    .PadTop(1), .PadBottom(1), .PadLeft(1), .PadRight(1),
    .InBits(2),
    .RingStyle("distributed"),
    .OutDepth(2)
  ) u_conv2_swg (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(conv2_in), .in_valid_i(conv2_in_valid), .in_ready_o(conv2_in_ready),
    .out_o(conv2_window), .out_valid_o(conv2_window_valid), .out_ready_i(conv2_window_ready)
  );
  rf_mvu #(
    .In(4), .Out(6), .Simd(4), .Pe(3), .Pixels(1), .Taps(1),
    .KernelHeight(3), .KernelWidth(3),
    .InBits(2), .InSigned(1'b0), .WeightBits(1), .WeightBipolar(1'b1), .AccBits(8),
    .Firings(108),
    .WeightsBlock(1'b0), .WeightsUltra(1'b0),
    .WindowStyle("distributed"),
    .OutDepth(2),
    .ConstantsDepth(2)
  ) u_conv2_mvu (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(conv2_window), .in_valid_i(conv2_window_valid), .in_ready_o(conv2_window_ready),
    .constants_i(conv2_constants), .constants_valid_i(conv2_constants_valid), .constants_ready_o(conv2_constants_ready),
    .out_o(conv2_sums), .out_valid_o(conv2_sums_valid), .out_ready_i(conv2_sums_ready),
    .constants_o(conv2_act_constants), .constants_valid_o(conv2_act_constants_valid), .constants_ready_i(conv2_act_constants_ready)
  );
  rf_dwc #(
    .LanesIn(3), .LanesOut(1),
    .CodeBits(8),
    .OutDepth(2)
  ) u_conv2_act_dwc_dwc (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(conv2_sums), .in_valid_i(conv2_sums_valid), .in_ready_o(conv2_sums_ready),
    .out_o(conv2_act_in), .out_valid_o(conv2_act_in_valid), .out_ready_i(conv2_act_in_ready)
  );
  rf_search #(
    .In(6), .Simd(1),
    .Block(3), .Repeats(1), .Beside(1),
    .InBits(8), .InSigned(1'b1), .OutBits(4),
    .Firings(36),
    .LevelsBits(8), .LevelsBlock(8'b0), .LevelsUltra(8'b0),
    .OutDepth(2),
    .ConstantsDepth(2)
  ) u_conv2_act_search (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(conv2_act_in), .in_valid_i(conv2_act_in_valid), .in_ready_o(conv2_act_in_ready),
    .constants_i(conv2_act_constants), .constants_valid_i(conv2_act_constants_valid), .constants_ready_o(conv2_act_constants_ready),
    .out_o(conv2_out), .out_valid_o(conv2_out_valid), .out_ready_i(conv2_out_ready),
    .constants_o(bypass_constants), .constants_valid_o(bypass_constants_valid), .constants_ready_i(bypass_constants_ready)
  );

  // Projection of the bypass: 1x1/1.
  rf_dwc #(
    .LanesIn(2), .LanesOut(4),
    .CodeBits(2),
    .OutDepth(2)
  ) u_bypass_dwc_dwc (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(bypass), .in_valid_i(bypass_valid), .in_ready_o(bypass_ready),
    .out_o(bypass_in), .out_valid_o(bypass_in_valid), .out_ready_i(bypass_in_ready)
  );
  rf_mvau #(
    .In(4), .Out(6), .Simd(4), .Pe(2), .Pixels(1), .Taps(1),
    .KernelHeight(1), .KernelWidth(1),
    .InBits(2), .InSigned(1'b0), .WeightBits(1), .WeightBipolar(1'b1), .OutBits(4),
    .Firings(18),
    .WeightsBlock(1'b0), .WeightsUltra(1'b0),
    .ThresholdsBits(5), .ThresholdsBlock(1'b0), .ThresholdsUltra(1'b0),
    .WindowStyle("registers"),
    .OutDepth(2),
    .ConstantsDepth(2)
  ) u_bypass_mvau (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(bypass_in), .in_valid_i(bypass_in_valid), .in_ready_o(bypass_in_ready),
    .constants_i(bypass_constants), .constants_valid_i(bypass_constants_valid), .constants_ready_o(bypass_constants_ready),
    .out_o(bypass_out), .out_valid_o(bypass_out_valid), .out_ready_i(bypass_out_ready),
    .constants_o(constants_out), .constants_valid_o(constants_out_valid), .constants_ready_i(constants_out_ready)
  );

  // Sum of the branches.
  rf_dwc #(
    .LanesIn(2), .LanesOut(1),
    .CodeBits(4),
    .OutDepth(2)
  ) u_join_dwc_dwc (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(bypass_out), .in_valid_i(bypass_out_valid), .in_ready_o(bypass_out_ready),
    .out_o(join_in), .out_valid_o(join_in_valid), .out_ready_i(join_in_ready)
  );
  rf_join #(
    .Lanes(1), .Zero(8),
    .CodeBits(4),
    .OutDepth(2)
  ) u_join (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .main_i(conv2_out), .main_valid_i(conv2_out_valid), .main_ready_o(conv2_out_ready),
    .bypass_i(join_in), .bypass_valid_i(join_in_valid), .bypass_ready_o(join_in_ready),
    .out_o(joined), .out_valid_o(joined_valid), .out_ready_i(joined_ready)
  );
  rf_dwc #(
    .LanesIn(1), .LanesOut(2),
    .CodeBits(4),
    .OutDepth(2)
  ) u_out_dwc_dwc (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(joined), .in_valid_i(joined_valid), .in_ready_o(joined_ready),
    .out_o(codes_out), .out_valid_o(codes_out_valid), .out_ready_i(codes_out_ready)
  );
endmodule
