// The code of a value by multiply-add-shift:
//
//   r = multiplier * value + bias
//   q = r >> Shift          with HalfEven, where nothing is shifted out: that is a tie, and q becomes even, one less if it was odd
//   code = Step * q + Offset, clamped to Low ... High
//
//   value_i       Bits bits, two's complement if Signed
//   multiplier_i  MultiplierBits bits, unsigned, with the value
//   bias_i        BiasBits bits, two's complement, a cycle later
//   code_o        its lowest OutBits bits, four cycles after the value
module rf_rescaled #(
  parameter int unsigned Bits = 8,
  parameter bit Signed = 1'b0,
  parameter int unsigned MultiplierBits = 8,
  parameter int unsigned BiasBits = 8,
  parameter int unsigned Shift = 4,
  parameter int unsigned HalfEven = 0,
  parameter int Step = 1,
  parameter int Offset = 0,
  parameter int Low = 0,
  parameter int High = 255,
  parameter int unsigned OutBits = 8
) (
  input  logic                      clk_i,
  input  logic [Bits-1:0]           value_i,
  input  logic [MultiplierBits-1:0] multiplier_i,
  input  logic [BiasBits-1:0]       bias_i,
  output logic [OutBits-1:0]        code_o
);
  // The q whose codes are the lowest and the highest, or just outside: no other is needed.
  localparam int Bottom = Low >= Offset ? (Low - Offset) / Step : -((Step - 1 + Offset - Low) / Step);
  localparam int Top = High >= Offset ? (High - Offset + Step - 1) / Step : -((Offset - High) / Step);
  localparam int unsigned ProductBits = Bits + MultiplierBits + 1;
  localparam int unsigned Widest = ProductBits > BiasBits ? ProductBits : BiasBits;
  localparam int unsigned SumBits = 1 + (Widest > Shift + 1 ? Widest : Shift + 1);
  localparam int unsigned QBits = SumBits - Shift;
  localparam int unsigned TopBits = Top > 0 ? $clog2(Top + 1) : 0;
  localparam int unsigned BottomBits = Bottom < 0 ? $clog2(-Bottom) : 0;
  localparam int unsigned NearBits = 1 + (TopBits > BottomBits ? TopBits : BottomBits);
  localparam int unsigned WideBits = QBits > NearBits ? QBits : NearBits;

  logic [SumBits-1:0] product;
  logic signed [SumBits-1:0] sum_q;
  logic signed [QBits-1:0] q_q;
  logic signed [WideBits-1:0] q;
  logic signed [NearBits-1:0] near;
  logic signed [31:0] code;
  logic unused;

  if (MultiplierBits > 4) begin : gen_dsp
    rf_scaled #(.Bits(Bits), .Signed(Signed), .FactorBits(MultiplierBits), .OutBits(SumBits)) u_product (
      .clk_i, .value_i, .factor_i(multiplier_i), .product_o(product)
    );
  end else begin : gen_luts
    // Written as a sum, as the synthesizer would take a DSP for a product.
    logic signed [SumBits-1:0] value, total;
    assign value = SumBits'(signed'({Signed && value_i[Bits-1], value_i}));
    always_comb begin
      total = '0;
      for (int unsigned i = 0; i < MultiplierBits; i++) if (multiplier_i[i]) total = total + (value << i);
    end
    always_ff @(posedge clk_i) product <= total;
  end

  assign q = WideBits'(q_q);
  assign near = q < WideBits'(Bottom) ? NearBits'(Bottom) : q > WideBits'(Top) ? NearBits'(Top) : NearBits'(q);
  assign code = Step * 32'(near) + Offset;

  always_ff @(posedge clk_i) begin
    sum_q <= product + SumBits'(signed'(bias_i));
    q_q <= sum_q[SumBits-1:Shift];
    if (HalfEven != 0 && (sum_q & ((SumBits'(1) << Shift) - SumBits'(1))) == '0) q_q[0] <= 1'b0;
    code_o <= OutBits'(code < Low ? Low : code > High ? High : code);
  end
  assign unused = &{q, code};
endmodule
