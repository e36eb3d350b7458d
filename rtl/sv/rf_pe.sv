// Processing element (PE): a dot product every cycle, summed over the beats of a window. The products are LUTs where a factor is of 4 bits
// or fewer, else DSPs.
//
//   codes_i, weights_i  Lanes codes, on bit planes where the products are LUTs, and as many weights
//   add_i, first_i      one dot product later: the sum of these products is to be added; to nothing, since it is the first of a window
//   sum_o               one cycle later: the sum so far, of which SumBits bits are kept. Of signed factors that is enough, and of unsigned
//                       ones where it holds the largest sum
//   cycles              of the dot product: see rf_dot_planes and rf_dot_products
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
  localparam bit UsesDsp = rf_pkg::uses_dsp(InBits, WeightBits);
  // On bit planes: see rf_dot_planes for the width, and for the excess, which is taken off where the sum begins.
  localparam int unsigned PlanesBits = rf_pkg::count_bits(rf_pkg::column_bits(Lanes, InBits, WeightBits)) + InBits + WeightBits;
  localparam int unsigned InTop = InSigned ? 2**(InBits - 1) : 0;
  localparam int unsigned WeightTop = WeightSigned ? 2**(WeightBits - 1) : 0;
  localparam int unsigned Excess = InTop * (2**WeightBits - 1 - WeightTop) + WeightTop * (2**InBits - 1 - InTop);
  localparam int unsigned DotBits = UsesDsp ? InBits + WeightBits + 1 + $clog2(Lanes) : PlanesBits;
  localparam logic [SumBits-1:0] Start = UsesDsp ? '0 : SumBits'(0 - FoldIn * Lanes * Excess);

  logic [DotBits-1:0] dot;
  logic [SumBits-1:0] extended;
  logic unused;
  assign unused = &{dot};

  if (UsesDsp) begin : gen_products
    rf_dot_products #(
      .Lanes(Lanes), .InBits(InBits), .InSigned(InSigned), .WeightBits(WeightBits), .WeightSigned(WeightSigned)
    ) u_dot (.clk_i, .codes_i, .weights_i, .sum_o(dot));
    assign extended = SumBits'(signed'(dot));
  end else begin : gen_planes
    rf_dot_planes #(
      .Lanes(Lanes), .InBits(InBits), .InSigned(InSigned), .WeightBits(WeightBits), .WeightSigned(WeightSigned)
    ) u_dot (.clk_i, .codes_i, .weights_i, .sum_o(dot));
    assign extended = SumBits'(dot);
  end

  always_ff @(posedge clk_i) begin
    if (add_i) sum_o <= (first_i ? Start : sum_o) + extended;
  end
endmodule
