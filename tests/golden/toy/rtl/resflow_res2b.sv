// res2b: 3x2x6 -> 3x2x6, bottleneck, identity bypass; 216 cycles a frame, set by conv2.
// Generated from the description of network toy, res2b. Edit that, not this.
module resflow_res2b (
  input  logic ap_clk,
  input  logic ap_rst_n,
  input  logic [23:0] codes_in_TDATA,
  input  logic codes_in_TVALID,
  output logic codes_in_TREADY,
  output logic [7:0] codes_out_TDATA,
  output logic codes_out_TVALID,
  input  logic codes_out_TREADY
);
  logic [23:0] codes_in;
  logic codes_in_valid, codes_in_ready;
  logic [7:0] codes_out;
  logic codes_out_valid, codes_out_ready;
  logic [11:0] entry_in;
  logic entry_in_valid, entry_in_ready;
  logic [11:0] main_in;
  logic main_in_valid, main_in_ready;
  logic [11:0] bypass;  // 24 beats: 6 rows: as many as the main path holds
  logic bypass_valid, bypass_ready;
  logic [5:0] act;
  logic act_valid, act_ready;
  logic [7:0] conv1_out;
  logic conv1_out_valid, conv1_out_ready;
  logic [3:0] conv2_in;  // 8 beats: 2 rows: they arrive while the last windows of the frame before leave
  logic conv2_in_valid, conv2_in_ready;
  logic [3:0] conv2_window;  // 4 beats: windows to compute while the first rows of the next frame arrive
  logic conv2_window_valid, conv2_window_ready;
  logic [3:0] conv2_out;
  logic conv2_out_valid, conv2_out_ready;
  logic [7:0] conv3_in;
  logic conv3_in_valid, conv3_in_ready;
  logic [13:0] conv3_sums;
  logic conv3_sums_valid, conv3_sums_ready;
  logic [7:0] conv3_out;
  logic conv3_out_valid, conv3_out_ready;
  logic [23:0] join_common_in;
  logic join_common_in_valid, join_common_in_ready;
  logic [7:0] join_in;
  logic join_in_valid, join_in_ready;

  // AXI4-Stream ports
  rf_slice #(.Bits(24)) u_codes_in_slice (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(codes_in_TDATA[23:0]), .in_valid_i(codes_in_TVALID), .in_ready_o(codes_in_TREADY),
    .out_o(codes_in), .out_valid_o(codes_in_valid), .out_ready_i(codes_in_ready)
  );
  rf_slice #(.Bits(8)) u_codes_out_slice (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(codes_out), .in_valid_i(codes_out_valid), .in_ready_o(codes_out_ready),
    .out_o(codes_out_TDATA[7:0]), .out_valid_o(codes_out_TVALID), .out_ready_i(codes_out_TREADY)
  );

  // Entry: a copy for each branch.
  rf_dwc #(
    .LanesIn(6), .LanesOut(3),
    .CodeBits(4),
    .OutDepth(2)
  ) u_entry_dwc_dwc (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(codes_in), .in_valid_i(codes_in_valid), .in_ready_o(codes_in_ready),
    .out_o(entry_in), .out_valid_o(entry_in_valid), .out_ready_i(entry_in_ready)
  );
  rf_fork #(
    .Lanes(3),
    .CodeBits(4),
    .MainDepth(2),
    .BypassDepth(24)
  ) u_fork (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(entry_in), .in_valid_i(entry_in_valid), .in_ready_o(entry_in_ready),
    .main_o(main_in), .main_valid_o(main_in_valid), .main_ready_i(main_in_ready),
    .bypass_o(bypass), .bypass_valid_o(bypass_valid), .bypass_ready_i(bypass_ready)
  );

  // Main branch: 1x1/1, 3x3/1, 1x1/1.
  rf_table #(
    .In(6), .Simd(3),
    .Block(1), .Repeats(1), .Beside(1),
    .InBits(4), .OutBits(2),
    .CodesBlock(1'b0), .CodesFile("entry_codes"),
    .OutDepth(2)
  ) u_entry_table (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(main_in), .in_valid_i(main_in_valid), .in_ready_o(main_in_ready),
    .out_o(act), .out_valid_o(act_valid), .out_ready_i(act_ready)
  );
  rf_mvau #(
    .In(6), .Out(4), .Simd(3), .Pe(4), .Pixels(1), .Taps(1),
    .KernelHeight(1), .KernelWidth(1),
    .InBits(2), .InSigned(1'b0), .WeightBits(1), .WeightBipolar(1'b1), .OutBits(2),
    .WeightsBlock(1'b0), .WeightsFile("conv1_weights.mem"),
    .ThresholdsBits(6), .ThresholdsBlock(1'b0), .ThresholdsFile("conv1_thresholds.mem"),
    .OutDepth(2)
  ) u_conv1_mvau (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(act), .in_valid_i(act_valid), .in_ready_o(act_ready),
    .out_o(conv1_out), .out_valid_o(conv1_out_valid), .out_ready_i(conv1_out_ready)
  );
  rf_dwc #(
    .LanesIn(4), .LanesOut(2),
    .CodeBits(2),
    .OutDepth(8)
  ) u_conv2_dwc_dwc (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(conv1_out), .in_valid_i(conv1_out_valid), .in_ready_o(conv1_out_ready),
    .out_o(conv2_in), .out_valid_o(conv2_in_valid), .out_ready_i(conv2_in_ready)
  );
  rf_swg #(
    .Height(3), .Width(2), .In(4), .Simd(2), .Pixels(1),
    .KernelHeight(3), .KernelWidth(3), .StrideHeight(1), .StrideWidth(1),
    .PadTop(1), .PadBottom(1), .PadLeft(1), .PadRight(1),
    .InBits(2),
    .RingStyle("distributed"),
    .OutDepth(4)
  ) u_conv2_swg (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(conv2_in), .in_valid_i(conv2_in_valid), .in_ready_o(conv2_in_ready),
    .out_o(conv2_window), .out_valid_o(conv2_window_valid), .out_ready_i(conv2_window_ready)
  );
  rf_mvau #(
    .In(4), .Out(4), .Simd(2), .Pe(2), .Pixels(1), .Taps(1),
    .KernelHeight(3), .KernelWidth(3),
    .InBits(2), .InSigned(1'b0), .WeightBits(1), .WeightBipolar(1'b1), .OutBits(2),
    .WeightsBlock(1'b0), .WeightsFile("conv2_weights.mem"),
    .ThresholdsBits(8), .ThresholdsBlock(1'b0), .ThresholdsFile("conv2_thresholds.mem"),
    .WindowStyle("distributed"),
    .OutDepth(2)
  ) u_conv2_mvau (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(conv2_window), .in_valid_i(conv2_window_valid), .in_ready_o(conv2_window_ready),
    .out_o(conv2_out), .out_valid_o(conv2_out_valid), .out_ready_i(conv2_out_ready)
  );
  rf_dwc #(
    .LanesIn(2), .LanesOut(4),
    .CodeBits(2),
    .OutDepth(2)
  ) u_conv3_dwc_dwc (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(conv2_out), .in_valid_i(conv2_out_valid), .in_ready_o(conv2_out_ready),
    .out_o(conv3_in), .out_valid_o(conv3_in_valid), .out_ready_i(conv3_in_ready)
  );
  rf_mvu #(
    .In(4), .Out(6), .Simd(4), .Pe(2), .Pixels(1), .Taps(1),
    .KernelHeight(1), .KernelWidth(1),
    .InBits(2), .InSigned(1'b0), .WeightBits(3), .WeightSigned(1'b1), .AccBits(7),
    .WeightsBlock(1'b0), .WeightsFile("conv3_weights.mem"),
    .WindowStyle("registers"),
    .OutDepth(2)
  ) u_conv3_mvu (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(conv3_in), .in_valid_i(conv3_in_valid), .in_ready_o(conv3_in_ready),
    .out_o(conv3_sums), .out_valid_o(conv3_sums_valid), .out_ready_i(conv3_sums_ready)
  );
  rf_search #(
    .In(6), .Simd(2),
    .Block(1), .Repeats(1), .Beside(1),
    .InBits(7), .InSigned(1'b1), .OutBits(4),
    .LevelsBits(7), .LevelsBlock(8'b0), .LevelsFile("conv3_act_level"),
    .OutDepth(2)
  ) u_conv3_act_search (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(conv3_sums), .in_valid_i(conv3_sums_valid), .in_ready_o(conv3_sums_ready),
    .out_o(conv3_out), .out_valid_o(conv3_out_valid), .out_ready_i(conv3_out_ready)
  );

  // Sum of the branches.
  rf_dwc #(
    .LanesIn(3), .LanesOut(6),
    .CodeBits(4),
    .OutDepth(2)
  ) u_join_common_dwc_dwc (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(bypass), .in_valid_i(bypass_valid), .in_ready_o(bypass_ready),
    .out_o(join_common_in), .out_valid_o(join_common_in_valid), .out_ready_i(join_common_in_ready)
  );
  rf_dwc #(
    .LanesIn(6), .LanesOut(2),
    .CodeBits(4),
    .OutDepth(2)
  ) u_join_dwc_dwc (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(join_common_in), .in_valid_i(join_common_in_valid), .in_ready_o(join_common_in_ready),
    .out_o(join_in), .out_valid_o(join_in_valid), .out_ready_i(join_in_ready)
  );
  rf_join #(
    .Lanes(2), .Zero(8),
    .CodeBits(4),
    .OutDepth(2)
  ) u_join (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .main_i(conv3_out), .main_valid_i(conv3_out_valid), .main_ready_o(conv3_out_ready),
    .bypass_i(join_in), .bypass_valid_i(join_in_valid), .bypass_ready_o(join_in_ready),
    .out_o(codes_out), .out_valid_o(codes_out_valid), .out_ready_i(codes_out_ready)
  );
endmodule
