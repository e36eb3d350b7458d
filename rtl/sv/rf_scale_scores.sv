// Scores: the sum of each class times its factor, plus its bias.
//
//   in       beats of Lanes sums: classes in order, Rows = Classes/Lanes beats a frame
//   out      beats of Lanes scores, in the same order: factor * sum + bias
//   cycles   Rows a frame; a beat arrives four cycles after it was read
//   storage  a row of Lanes factors and a row of Lanes biases a beat
//   misuse   a frame of other than Classes sums meets the factors of other classes; an OutBits too narrow wraps without a sign
// Where constants are loaded, Firings says how often it fires a frame, and constants_* are those of rf_loader.
module rf_scale_scores #(
  parameter int unsigned Classes = 1,
  parameter int unsigned Lanes = 1,
  parameter int unsigned InBits = 8,
  parameter bit InSigned = 1'b1,
  parameter int unsigned OutBits = 16,
  parameter int unsigned FactorBits = 8,
  parameter bit FactorsBlock = 1'b0,
  parameter bit FactorsUltra = 1'b0,
  parameter FactorsFile = "",
  parameter bit BiasBlock = 1'b0,
  parameter bit BiasUltra = 1'b0,
  parameter BiasFile = "",
  parameter int unsigned OutDepth = 2,
  parameter OutStyle = "distributed",
  parameter int unsigned Firings = 0,  // of a frame, where constants are loaded
  parameter int unsigned ConstantsDepth = 0,
  parameter ConstantsStyle = "distributed"
) (
  input  logic                     clk_i,
  input  logic                     rst_ni,
  input  logic [Lanes*InBits-1:0]  in_i,
  input  logic                     in_valid_i,
  output logic                     in_ready_o,
  output logic [Lanes*OutBits-1:0] out_o,
  output logic                     out_valid_o,
  input  logic                     out_ready_i,
  input  logic [63:0]              constants_i,
  input  logic                     constants_valid_i,
  output logic                     constants_ready_o,
  output logic [63:0]              constants_o,
  output logic                     constants_valid_o,
  input  logic                     constants_ready_i
);
  localparam int unsigned Latency = 4;  // factors from their ROM, product, sum
  localparam int unsigned Rows = Classes / Lanes;
  localparam int unsigned LoadBits = rf_pkg::load_bits(Lanes * FactorBits, Lanes * OutBits);

  if (Classes % Lanes != 0) begin : gen_refuse
    $error("rf_scale_scores: Lanes has to divide Classes");
  end

  logic fire, out_room, unused_last;
  logic [Latency-1:0] valid_q;
  logic [rf_pkg::index_bits(Rows)-1:0] row, row_q;
  logic [Lanes*InBits-1:0] sums_q, sums_qq;
  logic [Lanes*FactorBits-1:0] factors;
  logic [Lanes*OutBits-1:0] products, bias, scores_q;

  logic open;
  logic [1:0] load_write;
  logic [31:0] load_address;
  logic [LoadBits-1:0] load_row;

  assign fire = in_valid_i && out_room && open;
  assign in_ready_o = fire;

  rf_loader #(
    .Firings(Firings), .Drain(Latency), .Memories(2),
    .Rows({32'(Rows), 32'(Rows)}), .RowBits({32'(Lanes * OutBits), 32'(Lanes * FactorBits)}),
    .LoadBits(LoadBits), .Depth(ConstantsDepth), .Style(ConstantsStyle)
  ) u_loader (
    .clk_i, .rst_ni, .constants_i, .constants_valid_i, .constants_ready_o, .constants_o, .constants_valid_o, .constants_ready_i,
    .open_o(open), .fire_i(fire), .write_o(load_write), .address_o(load_address), .row_o(load_row)
  );
  // The bias is looked up a cycle later than the factors, to be there with the products.
  rf_counter #(.Last(Rows - 1)) u_row (.clk_i, .rst_ni, .step_i(fire), .count_o(row), .last_o(unused_last));
  rf_constants #(
    .Words(Rows), .Bits(Lanes * FactorBits), .Block(FactorsBlock), .File(FactorsFile),
    .Loaded(Firings > 0), .Ultra(FactorsUltra), .LoadBits(LoadBits)
  ) u_factors (
    .clk_i, .load_write_i(load_write[0]), .load_address_i(load_address), .load_row_i(load_row), .address_i(row), .row_o(factors)
  );
  rf_constants #(
    .Words(Rows), .Bits(Lanes * OutBits), .Block(BiasBlock), .File(BiasFile),
    .Loaded(Firings > 0), .Ultra(BiasUltra), .LoadBits(LoadBits)
  ) u_bias (
    .clk_i, .load_write_i(load_write[1]), .load_address_i(load_address), .load_row_i(load_row), .address_i(row_q), .row_o(bias)
  );

  always_ff @(posedge clk_i) begin
    valid_q <= rst_ni ? {valid_q[Latency-2:0], fire} : '0;
    row_q <= row;
    sums_q <= in_i;
    sums_qq <= sums_q;
  end

  for (genvar lane = 0; lane < Lanes; lane++) begin : gen_lane
    rf_scaled #(.Bits(InBits), .Signed(InSigned), .FactorBits(FactorBits), .OutBits(OutBits)) u_product (
      .clk_i, .value_i(sums_qq[lane*InBits +: InBits]), .factor_i(factors[lane*FactorBits +: FactorBits]),
      .product_o(products[lane*OutBits +: OutBits])
    );
    always_ff @(posedge clk_i) begin
      scores_q[lane*OutBits +: OutBits] <= products[lane*OutBits +: OutBits] + bias[lane*OutBits +: OutBits];
    end
  end

  rf_fifo #(.Bits(Lanes * OutBits), .Depth(OutDepth), .Latency(Latency), .Style(OutStyle)) u_out (
    .clk_i, .rst_ni, .claim_i(fire), .room_o(out_room), .write_i(valid_q[Latency-1]), .data_i(scores_q),
    .valid_o(out_valid_o), .data_o(out_o), .ready_i(out_ready_i)
  );
endmodule
