// A value times a factor, in DSPs.
//
//   value_i    Bits bits, two's complement if Signed
//   factor_i   FactorBits bits, unsigned
//   product_o  its lowest OutBits bits, one cycle later; its sign goes on above it
module rf_scaled #(
  parameter int unsigned Bits = 8,
  parameter bit Signed = 1'b0,
  parameter int unsigned FactorBits = 8,
  parameter int unsigned OutBits = 16
) (
  input  logic                  clk_i,
  input  logic [Bits-1:0]       value_i,
  input  logic [FactorBits-1:0] factor_i,
  output logic [OutBits-1:0]    product_o
);
  localparam int unsigned ProductBits = Bits + FactorBits + 2;
  logic signed [Bits:0] value;
  logic signed [FactorBits:0] factor;
  (* use_dsp = "yes" *) logic signed [ProductBits-1:0] product_q;
  logic unused;

  assign value = {Signed && value_i[Bits-1], value_i};
  assign factor = {1'b0, factor_i};
  always_ff @(posedge clk_i) product_q <= value * factor;
  assign product_o = OutBits'(product_q);
  assign unused = &{product_q};
endmodule
