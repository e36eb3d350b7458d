// The dot product of a beat of codes with a word of weights where both are wide: a DSP for each product, and a tree of adders.
//
//   codes_i    Lanes codes of InBits bits       two's complement if InSigned
//   weights_i  Lanes weights of WeightBits bits two's complement if WeightSigned
//   sum_o      the sum of the products, two's complement
//   cycles     the sum is there 2 + (log2(Lanes) + 1) / 2 cycles after its factors, the logarithm rounded up: the two registers are
//              those of a DSP, in front of its multiplier and behind it
module rf_dot_products #(
  parameter int unsigned Lanes = 1,
  parameter int unsigned InBits = 8,
  parameter bit InSigned = 1'b0,
  parameter int unsigned WeightBits = 8,
  parameter bit WeightSigned = 1'b1,
  localparam int unsigned ProductBits = InBits + WeightBits + 1,
  localparam int unsigned SumBits = ProductBits + $clog2(Lanes)
) (
  input  logic                        clk_i,
  input  logic [Lanes*InBits-1:0]     codes_i,
  input  logic [Lanes*WeightBits-1:0] weights_i,
  output logic [SumBits-1:0]          sum_o
);
  logic [Lanes*ProductBits-1:0] products;

  for (genvar lane = 0; lane < Lanes; lane++) begin : gen_lane
    logic signed [InBits:0] code_q;
    logic signed [WeightBits:0] weight_q;
    (* use_dsp = "yes" *) logic signed [ProductBits-1:0] product_q;

    always_ff @(posedge clk_i) begin
      code_q <= {InSigned && codes_i[lane*InBits+InBits-1], codes_i[lane*InBits +: InBits]};
      weight_q <= {WeightSigned && weights_i[lane*WeightBits+WeightBits-1], weights_i[lane*WeightBits +: WeightBits]};
      product_q <= code_q * weight_q;
    end
    assign products[lane*ProductBits +: ProductBits] = product_q;
  end

  rf_adder_tree #(.Count(Lanes), .Bits(ProductBits), .Signed(1'b1)) u_sum (.clk_i, .terms_i(products), .sum_o);
endmodule
