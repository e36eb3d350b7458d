// Processing elements that share DSPs: Weights PEs for each of Pixels pixels, whose dot products are summed over the beats of a window.
// dataflow/packing.py says where the products lie in a DSP's, and why nothing carries from one to the next.
//
//   codes_i      for each lane the codes of the pixels, shifted by PixelStep and added up; through rf_skew, as weights_i
//   below_i      two cycles later for each chain, in it for each pixel, by how much its codes are below the highest one, all together
//   weights_i    Lanes weights of each PE
//   add_i        one dot product later: the sum of these products is to be added; to nothing, if first_i
//   sums_o       one cycle later: the sums so far of pixel 0, then of pixel 1, of SumBits bits in two's complement
//   cycles       of the dot product: two registers, a cycle for every two DSPs of the longest chain, and a tree that adds the chains
//   misuse       fields that do not hold the sum of a chain are refused by $error
// In a field all sums are as much too large as its least sum is below zero. What raised weights have too much is not added in the first
// place: the highest code, times 2**(WeightBits - 1), is what a chain begins with for each of its lanes, less the codes.
module rf_pe_packed #(
  parameter int unsigned Weights = 1,
  parameter int unsigned Pixels = 1,
  parameter int unsigned WeightStep = 0,
  parameter int unsigned PixelStep = 0,
  parameter int unsigned Lanes = 1,
  parameter int unsigned Chains = 1,
  parameter int unsigned FoldIn = 1,
  parameter int unsigned InBits = 8,
  parameter bit InSigned = 1'b0,
  parameter int unsigned CodeBits = 9,
  parameter int unsigned WeightBits = 8,
  parameter bit WeightSigned = 1'b1,
  parameter int unsigned SumBits = 20,
  localparam int unsigned Length = (Lanes + Chains - 1) / Chains,
  localparam int unsigned BelowBits = InBits + $clog2(Length)
) (
  input  logic                                clk_i,
  input  logic [Lanes*CodeBits-1:0]           codes_i,
  input  logic [Chains*Pixels*BelowBits-1:0]  below_i,
  input  logic [Weights*Lanes*WeightBits-1:0] weights_i,
  input  logic                                add_i,
  input  logic                                first_i,
  output logic [Pixels*Weights*SumBits-1:0]   sums_o
);
  /* verilator no_inline_module */  // one function for all of them, instead of a copy for each
  localparam int HighCode = 2**(InBits - (InSigned ? 1 : 0)) - 1;
  localparam int LowCode = HighCode + 1 - 2**InBits;
  localparam int HighWeight = 2**(WeightBits - (WeightSigned ? 1 : 0)) - 1;
  localparam int LowWeight = HighWeight + 1 - 2**WeightBits;
  localparam int Low = HighWeight * LowCode < LowWeight * HighCode ? HighWeight * LowCode : LowWeight * HighCode;  // the least product
  localparam int High = HighWeight * HighCode > LowWeight * LowCode ? HighWeight * HighCode : LowWeight * LowCode;
  localparam int Raise = WeightSigned ? 2**(WeightBits - 1) : 0;
  localparam int unsigned FieldBits = $clog2(Length * (High - Low) + 1);
  localparam int unsigned FactorBits = (Weights - 1) * WeightStep + WeightBits + (WeightSigned ? 0 : 1);
  localparam int unsigned TotalBits = FieldBits + $clog2(Chains);
  localparam logic signed [63:0] Least = 64'(Low) * 64'(signed'(FoldIn * Lanes));  // of 32 bits a sum may be wider by one
  localparam logic [SumBits-1:0] Start = SumBits'(Least);

  if ((Weights > 1 && WeightStep < FieldBits) || (Pixels > 1 && PixelStep < FieldBits) ||
      (Weights > 1 && Pixels > 1 && WeightStep < (Pixels - 1) * PixelStep + FieldBits && PixelStep < (Weights - 1) * WeightStep + FieldBits)
      || (Weights - 1) * WeightStep + (Pixels - 1) * PixelStep + FieldBits > 48) begin : gen_refuse
    $error("rf_pe_packed: a field has to hold the sum of a chain, and 48 bits all fields");
  end

  logic [Weights*Pixels*Chains*FieldBits-1:0] fields;  // by pixel, PE and chain

  for (genvar chain = 0; chain < Chains; chain++) begin : gen_chain
    localparam int unsigned First = chain * Lanes / Chains;
    localparam int unsigned Count = (chain + 1) * Lanes / Chains - First;
    localparam int unsigned Skipped = Length - Count;  // a shorter chain begins with the second DSP
    localparam int unsigned Plain = -Low * Count;
    localparam int unsigned Raised = (-Low - Raise * HighCode) * Count;
    logic [48*Count+47:0] sums;  // what the chain begins with, and the sum of each DSP

    for (genvar pixel = 0; pixel < Pixels; pixel++) begin : gen_pixel
      logic [BelowBits-1:0] below;
      assign below = below_i[(chain*Pixels+pixel)*BelowBits +: BelowBits];
      for (genvar pe = 0; pe < Weights; pe++) begin : gen_pe
        localparam int unsigned At = pe * WeightStep + pixel * PixelStep;
        localparam int unsigned Term = (pixel * Weights + pe) * Chains + chain;
        if (WeightSigned && pe < Weights - 1) begin : gen_raised
          assign sums[At +: FieldBits] = FieldBits'({below, {(WeightBits - 1){1'b0}}}) + FieldBits'(Raised);
        end else begin : gen_plain
          logic unused;
          assign unused = &below;
          assign sums[At +: FieldBits] = FieldBits'(Plain);
        end
        assign fields[Term*FieldBits +: FieldBits] = sums[48*Count+At +: FieldBits];
      end
    end
    // Between the fields: nothing.
    for (genvar i = 0; i < 48; i++) begin : gen_between
      if (rf_pkg::is_between(i, Weights, Pixels, WeightStep, PixelStep, FieldBits)) begin : gen_zero
        assign sums[i] = 1'b0;
      end
    end
    logic unused_between;
    assign unused_between = &sums[48*Count +: 48];

    for (genvar i = 0; i < Count; i++) begin : gen_dsp
      localparam int unsigned Lane = First + i;
      localparam int unsigned Place = i + Skipped;
      logic [FactorBits-1:0] factor;

      for (genvar pe = 0; pe < Weights; pe++) begin : gen_factor
        logic [WeightBits-1:0] weight;
        assign weight = weights_i[(pe*Lanes+Lane)*WeightBits +: WeightBits];
        if (pe == Weights - 1) begin : gen_top
          assign factor[FactorBits-1 : pe*WeightStep] =
              WeightSigned ? (FactorBits - pe * WeightStep)'(signed'(weight)) : (FactorBits - pe * WeightStep)'(weight);
        end else begin : gen_lower
          logic [WeightBits-1:0] raised;
          assign raised = weight ^ WeightBits'(Raise);
          assign factor[pe*WeightStep +: WeightStep] = WeightStep'(raised);
        end
      end
      rf_dsp #(
        .XBits(FactorBits), .YBits(CodeBits), .Stages(Place < 2 ? 1 : 2), .Registered(Place % 2 == 1 || i == Count - 1)
      ) u_dsp (
        .clk_i, .x_i(factor), .y_i(codes_i[Lane*CodeBits +: CodeBits]), .sum_i(sums[48*i +: 48]), .sum_o(sums[48*(i+1) +: 48])
      );
    end
  end

  for (genvar i = 0; i < Weights * Pixels; i++) begin : gen_sum
    logic [TotalBits-1:0] total;
    rf_adder_tree #(.Count(Chains), .Bits(FieldBits)) u_total (
      .clk_i, .terms_i(fields[i*Chains*FieldBits +: Chains*FieldBits]), .sum_o(total)
    );
    always_ff @(posedge clk_i) begin
      if (add_i) sums_o[i*SumBits +: SumBits] <= (first_i ? Start : sums_o[i*SumBits +: SumBits]) + SumBits'(total);
    end
  end
endmodule
