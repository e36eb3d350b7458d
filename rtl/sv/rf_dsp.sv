// A DSP48E2: a product, and its sum with another number. All that is here has its place in the primitive (UG579): up to two registers in
// front of the multiplier, one behind it, the adder, and one register behind that.
//
//   x_i, y_i  factors of XBits and YBits bits, two's complement: one of at most 18 bits, the other of at most 27
//   sum_i     48 bits, where Stages + 1 cycles later the product is
//   sum_o     their sum: at once, or if Registered one cycle later
//   misuse    factors for which a DSP has no room are refused by $error
// The sum of another one is its cascade, PCIN, which is wired within a column of DSPs; anything else comes by way of C.
module rf_dsp #(
  parameter int unsigned XBits = 27,
  parameter int unsigned YBits = 18,
  parameter int unsigned Stages = 1,
  parameter bit Registered = 1'b1
) (
  input  logic                    clk_i,
  input  logic signed [XBits-1:0] x_i,
  input  logic signed [YBits-1:0] y_i,
  input  logic [47:0]             sum_i,
  output logic [47:0]             sum_o
);
  if (!((XBits <= 27 && YBits <= 18) || (XBits <= 18 && YBits <= 27)) || Stages < 1 || Stages > 2) begin : gen_refuse
    $error("rf_dsp: a DSP48E2 multiplies 27 by 18 bits, behind one or two registers");
  end

  logic signed [XBits-1:0] x_q, x;
  logic signed [YBits-1:0] y_q, y;
  (* use_dsp = "yes" *) logic signed [XBits+YBits-1:0] product_q;
  (* use_dsp = "yes" *) logic [47:0] sum;

  always_ff @(posedge clk_i) begin
    x_q <= x_i;
    y_q <= y_i;
    product_q <= x * y;
  end

  if (Stages == 2) begin : gen_wait
    logic signed [XBits-1:0] x_qq;
    logic signed [YBits-1:0] y_qq;
    always_ff @(posedge clk_i) begin
      x_qq <= x_q;
      y_qq <= y_q;
    end
    assign x = x_qq;
    assign y = y_qq;
  end else begin : gen_direct
    assign x = x_q;
    assign y = y_q;
  end

  assign sum = 48'(product_q) + sum_i;

  if (Registered) begin : gen_register
    always_ff @(posedge clk_i) sum_o <= sum;
  end else begin : gen_wire
    assign sum_o = sum;
  end
endmodule
