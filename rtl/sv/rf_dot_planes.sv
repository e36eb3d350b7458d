// The dot product of a beat of codes with a word of weights, on bit planes: a product of two bits is an AND.
//
//   codes_i    Lanes codes of InBits bits, plane by plane, two's complement if InSigned
//   weights_i  Lanes weights of WeightBits bits, one after the other, two's complement if WeightSigned
//   sum_o      the sum of the products, plus Excess where a factor is signed
//   cycles     the sum is there 1 + (log2(groups) + 1) / 2 + (log2(columns) + 1) / 2 cycles after its factors, logarithms rounded up
//
// Of three products of a pair of planes a LUT of six bits counts the ones, another the twos. What has one weight, from whatever planes, is
// counted together; the counts of all weights are then added, each a bit above the one before. The top plane of a signed factor counts
// negative. Instead of -p, 1 - p is counted, which is the inverse of p and one too much.
module rf_dot_planes #(
  parameter int unsigned Lanes = 3,
  parameter int unsigned InBits = 1,
  parameter bit InSigned = 1'b0,
  parameter int unsigned WeightBits = 1,
  parameter bit WeightSigned = 1'b0,
  localparam int unsigned Columns = InBits + WeightBits,
  localparam int unsigned Triples = (Lanes + 2) / 3,
  localparam int unsigned Levels = $clog2((rf_pkg::column_bits(Lanes, InBits, WeightBits) + 5) / 6),  // of the fullest column
  localparam int unsigned CountBits = 3 + Levels,
  localparam int unsigned SumBits = CountBits + Columns
) (
  input  logic                        clk_i,
  input  logic [Lanes*InBits-1:0]     codes_i,
  input  logic [Lanes*WeightBits-1:0] weights_i,
  output logic [SumBits-1:0]          sum_o
);
  logic [InBits*WeightBits*Triples-1:0] ones, twos;  // by code plane, weight plane and triple

  for (genvar b = 0; b < WeightBits; b++) begin : gen_weight_plane
    logic [Lanes-1:0] plane;
    for (genvar lane = 0; lane < Lanes; lane++) begin : gen_lane
      assign plane[lane] = weights_i[lane*WeightBits+b];
    end
    for (genvar a = 0; a < InBits; a++) begin : gen_code_plane
      localparam int unsigned First = (a * WeightBits + b) * Triples;
      localparam bit Negative = (InSigned && a == InBits - 1) != (WeightSigned && b == WeightBits - 1);
      logic [Lanes-1:0] products;
      logic [Triples-1:0] p, q, r;  // triple i is bit i of the three

      assign products = {Lanes{Negative}} ^ (codes_i[a*Lanes +: Lanes] & plane);
      assign {r, q, p} = (3 * Triples)'(products);
      assign ones[First +: Triples] = p ^ q ^ r;
      assign twos[First +: Triples] = (p & q) | (r & (p | q));
    end
  end

  logic [Columns*CountBits-1:0] counts;

  for (genvar k = 0; k < Columns; k++) begin : gen_column
    // Pairs of planes a + b = k, whose ones count here, and a + b = k - 1, whose twos do.
    localparam int unsigned FirstOnes = k >= WeightBits ? k - WeightBits + 1 : 0;
    localparam int unsigned EndOnes = k < InBits ? k + 1 : InBits;
    localparam int unsigned OnesPairs = k < Columns - 1 ? EndOnes - FirstOnes : 0;
    localparam int unsigned FirstTwos = k > WeightBits ? k - WeightBits : 0;
    localparam int unsigned EndTwos = k < InBits ? k : InBits;
    localparam int unsigned TwosPairs = EndTwos - FirstTwos;
    localparam int unsigned Bits = (OnesPairs + TwosPairs) * Triples;
    localparam int unsigned OwnBits = rf_pkg::count_bits(Bits);
    logic [Bits-1:0] bits;
    logic [OwnBits-1:0] count;

    for (genvar i = 0; i < OnesPairs; i++) begin : gen_ones
      assign bits[i*Triples +: Triples] = ones[((FirstOnes+i)*WeightBits+k-FirstOnes-i)*Triples +: Triples];
    end
    for (genvar i = 0; i < TwosPairs; i++) begin : gen_twos
      assign bits[(OnesPairs+i)*Triples +: Triples] = twos[((FirstTwos+i)*WeightBits+k-1-FirstTwos-i)*Triples +: Triples];
    end
    rf_popcount #(.Bits(Bits), .Levels(Levels)) u_count (.clk_i, .bits_i(bits), .count_o(count));
    assign counts[k*CountBits +: CountBits] = CountBits'(count);
  end

  rf_adder_tree #(.Count(Columns), .Bits(CountBits), .Weighted(1'b1)) u_sum (.clk_i, .terms_i(counts), .sum_o(sum_o));
endmodule
