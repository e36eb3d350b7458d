// Processing element (PE): a dot product every cycle, in LUTs, summed over the beats of a window.
//
//   codes_i, weights_i  Lanes codes, on bit planes, and as many weights
//   add_i, first_i      one dot product later: the sum of these products is to be added; to nothing, since it is the first of a window
//   sum_o               one cycle later: the sum so far, of which SumBits bits are kept. Of signed factors that is enough, and of unsigned
//                       ones where it holds the largest sum
//   cycles              of the dot product: see rf_dot_planes
module rf_pe #(
  parameter int unsigned Lanes = 1,
  parameter int unsigned FoldIn = 1,
  parameter int unsigned InBits = 1,
  parameter bit InSigned = 1'b0,
  parameter int unsigned WeightBits = 1,
  parameter bit WeightSigned = 1'b0,
  parameter int unsigned SumBits = 8
) (
  input  logic                        clk_i,
  input  logic [Lanes*InBits-1:0]     codes_i,
  input  logic [Lanes*WeightBits-1:0] weights_i,
  input  logic                        add_i,
  input  logic                        first_i,
  output logic [SumBits-1:0]          sum_o
);
  /* verilator no_inline_module */  // one function for all PEs, instead of a copy for each
  // See rf_dot_planes for the width, and for the excess, which is taken off where the sum begins.
  localparam int unsigned DotBits = rf_pkg::count_bits(rf_pkg::column_bits(Lanes, InBits, WeightBits)) + InBits + WeightBits;
  localparam int unsigned InTop = InSigned ? 2**(InBits - 1) : 0;
  localparam int unsigned WeightTop = WeightSigned ? 2**(WeightBits - 1) : 0;
  localparam int unsigned Excess = InTop * (2**WeightBits - 1 - WeightTop) + WeightTop * (2**InBits - 1 - InTop);
  localparam logic [SumBits-1:0] Start = SumBits'(0 - FoldIn * Lanes * Excess);

  logic [DotBits-1:0] dot;
  logic unused;
  assign unused = &{dot};

  rf_dot_planes #(
    .Lanes(Lanes), .InBits(InBits), .InSigned(InSigned), .WeightBits(WeightBits), .WeightSigned(WeightSigned)
  ) u_dot (.clk_i, .codes_i, .weights_i, .sum_o(dot));

  always_ff @(posedge clk_i) begin
    if (add_i) sum_o <= (first_i ? Start : sum_o) + SumBits'(dot);
  end
endmodule
