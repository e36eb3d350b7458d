// stem: 5x6x3 -> 2x3x4; 540 cycles a frame, set by conv.
// Generated from the description of network wide, stem. Edit that, not this.
module resflow_stem (
  input  logic ap_clk,
  input  logic ap_rst_n,
  input  logic [23:0] image_TDATA,
  input  logic image_TVALID,
  output logic image_TREADY,
  output logic [7:0] codes_out_TDATA,
  output logic codes_out_TVALID,
  input  logic codes_out_TREADY
);
  logic [23:0] image;
  logic image_valid, image_ready;
  logic [7:0] codes_out;
  logic codes_out_valid, codes_out_ready;
  logic [14:0] act;  // 12 beats: 2 rows: they arrive while the last windows of the frame before leave
  logic act_valid, act_ready;
  logic [14:0] conv_window;  // 6 beats: windows to compute while the first rows of the next frame arrive
  logic conv_window_valid, conv_window_ready;
  logic [7:0] conv_out;  // 36 beats: 3 rows: they arrive while the last windows of the frame before leave
  logic conv_out_valid, conv_out_ready;
  logic [7:0] pool_window;
  logic pool_window_valid, pool_window_ready;

  // AXI4-Stream ports
  rf_slice #(.Bits(24)) u_image_slice (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(image_TDATA[23:0]), .in_valid_i(image_TVALID), .in_ready_o(image_TREADY),
    .out_o(image), .out_valid_o(image_valid), .out_ready_i(image_ready)
  );
  rf_slice #(.Bits(8)) u_codes_out_slice (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(codes_out), .in_valid_i(codes_out_valid), .in_ready_o(codes_out_ready),
    .out_o(codes_out_TDATA[7:0]), .out_valid_o(codes_out_TVALID), .out_ready_i(codes_out_TREADY)
  );

  // Entry: thresholds.
  rf_table #(
    .In(3), .Simd(3),
    .Block(1), .Repeats(1), .Beside(1),
    .InBits(8), .OutBits(5),
    .CodesBlock(1'b0), .CodesFile("entry_codes"),
    .OutDepth(12)
  ) u_entry_table (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(image), .in_valid_i(image_valid), .in_ready_o(image_ready),
    .out_o(act), .out_valid_o(act_valid), .out_ready_i(act_ready)
  );

  // Convolution: 3x3/1.
  rf_swg #(
    .Height(5), .Width(6), .In(3), .Simd(3), .Pixels(1),
    .KernelHeight(3), .KernelWidth(3), .StrideHeight(1), .StrideWidth(1),
    .PadTop(1), .PadBottom(1), .PadLeft(1), .PadRight(1),
    .InBits(5),
    .PadCodes({5'h7, 5'h0, 5'h1d}),
    .RingStyle("distributed"),
    .OutDepth(6)
  ) u_conv_swg (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(act), .in_valid_i(act_valid), .in_ready_o(act_ready),
    .out_o(conv_window), .out_valid_o(conv_window_valid), .out_ready_i(conv_window_ready)
  );
  rf_mvau #(
    .In(3), .Out(4), .Simd(3), .Pe(2), .Pixels(1), .Taps(1),
    .KernelHeight(3), .KernelWidth(3),
    .DspWeights(2), .DspPixels(1), .WeightStep(19), .PixelStep(0), .Chain(3),
    .InBits(5), .InSigned(1'b1), .WeightBits(8), .WeightSigned(1'b1), .OutBits(4), .OutSigned(1'b1),
    .WeightsBlock(1'b0), .WeightsFile("conv_weights.mem"),
    .ThresholdsBits(17), .ThresholdsBlock(1'b0), .ThresholdsFile("conv_thresholds.mem"),
    .WindowStyle("distributed"),
    .OutDepth(36)
  ) u_conv_mvau (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(conv_window), .in_valid_i(conv_window_valid), .in_ready_o(conv_window_ready),
    .out_o(conv_out), .out_valid_o(conv_out_valid), .out_ready_i(conv_out_ready)
  );

  // Max-pool: 3x3/2.
  rf_swg #(
    .Height(5), .Width(6), .In(4), .Simd(2), .Pixels(1),
    .KernelHeight(3), .KernelWidth(3), .StrideHeight(2), .StrideWidth(2),
    .PadTop(0), .PadBottom(1), .PadLeft(0), .PadRight(1),
    .InBits(4),
    .PadCodes({4{4'h8}}),
    .RingStyle("distributed"),
    .OutDepth(2)
  ) u_pool_swg (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(conv_out), .in_valid_i(conv_out_valid), .in_ready_o(conv_out_ready),
    .out_o(pool_window), .out_valid_o(pool_window_valid), .out_ready_i(pool_window_ready)
  );
  rf_max_pool #(
    .In(4), .Simd(2),
    .KernelHeight(3), .KernelWidth(3),
    .InBits(4), .InSigned(1'b1),
    .LargestStyle("registers"),
    .OutDepth(2)
  ) u_pool_max_pool (
    .clk_i(ap_clk), .rst_ni(ap_rst_n),
    .in_i(pool_window), .in_valid_i(pool_window_valid), .in_ready_o(pool_window_ready),
    .out_o(codes_out), .out_valid_o(codes_out_valid), .out_ready_i(codes_out_ready)
  );
endmodule
