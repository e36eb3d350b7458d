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
  localparam int unsigned DotLatency = rf_pkg::dot_latency(Simd, InBits, WeightBits);
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

  // Products in LUTs want the codes plane by plane.
  logic [Pixels*PixelBits-1:0] codes;
  if (rf_pkg::uses_dsp(InBits, WeightBits)) begin : gen_codes
    assign codes = codes_i;
  end else begin : gen_planes
    for (genvar i = 0; i < Pixels * PixelBits; i++) begin : gen_bit
      assign codes[i] = codes_i[i / PixelBits * PixelBits + i % Simd * InBits + i % PixelBits / Simd];
    end
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
endmodule
