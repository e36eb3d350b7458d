// The PEs of a layer: every cycle Pe dot products for each of Pixels pixels, summed over the FoldIn beats of a window.
//
//   codes_i        a beat: Simd codes for each pixel
//   weights_i      Simd weights for each PE, the same for every pixel
//   valid_i        the two are there; first_i and last_i of their window
//   sums_o         the Pe sums of pixel 0, then of pixel 1, of SumBits bits in two's complement, with valid_o once a window
//   cycles         the sums are there Latency cycles after the last beat
//
// Bipolar weights: sum(+-code) = 2 * sum(weight and code) - sum(code), where a weight of 1 stands for +1. A PE counts the first sum; the
// second is the same for all PEs, so one more PE, whose weights are all 1, counts it for each pixel.
//
// With chains of up to Chain DSPs these have the products, DspWeights times DspPixels in each, see rf_pe_packed; without, LUTs have them.
module rf_pe_array #(
  parameter int unsigned Pixels = 1,
  parameter int unsigned Pe = 1,
  parameter int unsigned Simd = 1,
  parameter int unsigned FoldIn = 1,
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
  parameter int unsigned SumBits = 8
) (
  input  logic                           clk_i,
  input  logic                           rst_ni,
  input  logic [Pixels*Simd*InBits-1:0]  codes_i,
  input  logic [Pe*Simd*WeightBits-1:0]  weights_i,
  input  logic                           valid_i,
  input  logic                           first_i,
  input  logic                           last_i,
  output logic [Pixels*Pe*SumBits-1:0]   sums_o,
  output logic                           valid_o
);
  localparam int unsigned DotLatency = rf_pkg::dot_latency(Simd, InBits, WeightBits, Chain);
  localparam int unsigned PixelBits = Simd * InBits;
  localparam int unsigned WordBits = Simd * WeightBits;
  // Of a bipolar PE: no more bits than it can count, and one less than the sum, since that has it doubled.
  localparam int unsigned MostCountBits = $clog2(FoldIn * Simd * (2**InBits - 1) + 1);
  localparam int unsigned CountBits = InSigned || MostCountBits >= SumBits ? SumBits - 1 : MostCountBits;
  localparam int unsigned PeBits = WeightBipolar ? CountBits : SumBits;

  logic [DotLatency-1:0] valid_q, first_q, last_q;
  logic add, sum_valid_q;

  assign add = valid_q[DotLatency-1];
  always_ff @(posedge clk_i) begin
    valid_q <= rst_ni ? DotLatency'({valid_q, valid_i}) : '0;
    first_q <= DotLatency'({first_q, first_i});
    last_q <= DotLatency'({last_q, last_i});
    sum_valid_q <= add && last_q[DotLatency-1] && rst_ni;
  end

  if (Chain > 0) begin : gen_dsp
    localparam int unsigned Chains = rf_pkg::chains(Simd, Chain);
    localparam int unsigned Length = rf_pkg::longest(Simd, Chains);
    localparam int unsigned BelowBits = InBits + $clog2(Length);
    localparam int unsigned CodeBits = (DspPixels - 1) * PixelStep + InBits + (!InSigned || DspPixels > 1 ? 1 : 0);
    localparam int unsigned PixelGroups = (Pixels + DspPixels - 1) / DspPixels;
    localparam int unsigned PeGroups = (Pe + DspWeights - 1) / DspWeights;
    logic [Pe*WordBits-1:0] weights;

    if (WeightBipolar) begin : gen_refuse
      $error("rf_pe_array: bipolar weights are ANDs and counts, not DSPs");
    end
    for (genvar pe = 0; pe < Pe; pe++) begin : gen_skew
      rf_skew #(.Lanes(Simd), .Chains(Chains), .Bits(WeightBits)) u_skew (
        .clk_i, .values_i(weights_i[pe*WordBits +: WordBits]), .values_o(weights[pe*WordBits +: WordBits])
      );
    end

    for (genvar group = 0; group < PixelGroups; group++) begin : gen_pixels
      localparam int unsigned FirstPixel = group * DspPixels;
      localparam int unsigned Side = FirstPixel + DspPixels <= Pixels ? DspPixels : Pixels - FirstPixel;  // pixels that there are
      logic [Simd*CodeBits-1:0] packed_codes, codes;
      logic [Chains*Side*BelowBits-1:0] below;

      for (genvar lane = 0; lane < Simd; lane++) begin : gen_lane
        logic [InBits-1:0] code;
        logic [CodeBits-1:0] side_by_side;  // without a sign, nothing to add
        always_comb begin
          code = '0;
          side_by_side = '0;
          for (int unsigned pixel = 0; pixel < Side; pixel++) begin
            code = codes_i[(FirstPixel+pixel)*PixelBits+lane*InBits +: InBits];
            if (InSigned) side_by_side += CodeBits'(signed'(code)) << (pixel * PixelStep);
            else side_by_side |= CodeBits'(code) << (pixel * PixelStep);
          end
        end
        assign packed_codes[lane*CodeBits +: CodeBits] = side_by_side;
      end
      rf_skew #(.Lanes(Simd), .Chains(Chains), .Bits(CodeBits)) u_skew (.clk_i, .values_i(packed_codes), .values_o(codes));

      // By how much codes are below the highest: all bits inverted, but for a sign.
      for (genvar chain = 0; chain < Chains; chain++) begin : gen_chain
        localparam int unsigned First = chain * Simd / Chains;
        localparam int unsigned Count = (chain + 1) * Simd / Chains - First;
        for (genvar pixel = 0; pixel < Side; pixel++) begin : gen_pixel
          if (DspWeights > 1 && WeightSigned) begin : gen_below
            logic [Count*InBits-1:0] terms;
            logic [InBits+$clog2(Count)-1:0] sum;
            assign terms = {Count{~(InBits'(InSigned) << (InBits - 1))}} ^
                codes_i[(FirstPixel+pixel)*PixelBits+First*InBits +: Count*InBits];
            rf_adder_tree #(.Count(Count), .Bits(InBits), .Levels(3)) u_below (.clk_i, .terms_i(terms), .sum_o(sum));
            assign below[(chain*Side+pixel)*BelowBits +: BelowBits] = BelowBits'(sum);
          end else begin : gen_none
            assign below[(chain*Side+pixel)*BelowBits +: BelowBits] = '0;
          end
        end
      end

      for (genvar pes = 0; pes < PeGroups; pes++) begin : gen_pes
        localparam int unsigned FirstPe = pes * DspWeights;
        localparam int unsigned Shared = FirstPe + DspWeights <= Pe ? DspWeights : Pe - FirstPe;  // PEs that there are
        logic [Side*Shared*SumBits-1:0] sums;

        rf_pe_packed #(
          .Weights(Shared), .Pixels(Side), .WeightStep(WeightStep), .PixelStep(PixelStep), .Lanes(Simd), .Chains(Chains), .FoldIn(FoldIn),
          .InBits(InBits), .InSigned(InSigned), .CodeBits(CodeBits), .WeightBits(WeightBits), .WeightSigned(WeightSigned), .SumBits(SumBits)
        ) u_pes (
          .clk_i, .codes_i(codes), .below_i(below), .weights_i(weights[FirstPe*WordBits +: Shared*WordBits]),
          .add_i(add), .first_i(first_q[DotLatency-1]), .sums_o(sums)
        );
        for (genvar pixel = 0; pixel < Side; pixel++) begin : gen_sums
          assign sums_o[((FirstPixel+pixel)*Pe+FirstPe)*SumBits +: Shared*SumBits] = sums[pixel*Shared*SumBits +: Shared*SumBits];
        end
      end
    end
    assign valid_o = sum_valid_q;
  end else begin : gen_luts
    // Products in LUTs want the codes plane by plane.
    logic [Pixels*PixelBits-1:0] codes;
    for (genvar i = 0; i < Pixels * PixelBits; i++) begin : gen_bit
      assign codes[i] = codes_i[i / PixelBits * PixelBits + i % Simd * InBits + i % PixelBits / Simd];
    end

    logic [Pixels*Pe*PeBits-1:0] counts;

    for (genvar pixel = 0; pixel < Pixels; pixel++) begin : gen_pixel
      for (genvar pe = 0; pe < Pe; pe++) begin : gen_pe
        rf_pe #(
          .Lanes(Simd), .FoldIn(FoldIn), .InBits(InBits), .InSigned(InSigned), .WeightBits(WeightBits), .WeightSigned(WeightSigned),
          .SumBits(PeBits)
        ) u_pe (
          .clk_i, .codes_i(codes[pixel*PixelBits +: PixelBits]), .weights_i(weights_i[pe*WordBits +: WordBits]),
          .add_i(add), .first_i(first_q[DotLatency-1]), .sum_o(counts[(pixel*Pe+pe)*PeBits +: PeBits])
        );
      end
    end

    if (WeightBipolar) begin : gen_bipolar
      logic total_valid_q;
      always_ff @(posedge clk_i) total_valid_q <= sum_valid_q && rst_ni;
      assign valid_o = total_valid_q;

      for (genvar pixel = 0; pixel < Pixels; pixel++) begin : gen_offset
        logic [SumBits-1:0] offset;
        rf_pe #(.Lanes(Simd), .FoldIn(FoldIn), .InBits(InBits), .InSigned(InSigned), .WeightBits(1), .SumBits(SumBits)) u_offset (
          .clk_i, .codes_i(codes[pixel*PixelBits +: PixelBits]), .weights_i('1),
          .add_i(add), .first_i(first_q[DotLatency-1]), .sum_o(offset)
        );
        for (genvar pe = 0; pe < Pe; pe++) begin : gen_total
          always_ff @(posedge clk_i) begin
            sums_o[(pixel*Pe+pe)*SumBits +: SumBits] <= SumBits'({counts[(pixel*Pe+pe)*PeBits +: PeBits], 1'b0}) - offset;
          end
        end
      end
    end else begin : gen_plain
      assign sums_o = counts;
      assign valid_o = sum_valid_q;
    end
  end
endmodule
