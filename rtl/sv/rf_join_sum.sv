// Join of sums: the two branches of a residual block, each times its factor, for thresholds behind it.
//
//   main, bypass  beats of Lanes codes or sums, channels fastest
//   out           beats of Lanes values of OutBits bits, two's complement: a * main + b * bypass - Zero
//   cycles        Beats a frame; a beat arrives Latency cycles after its terms were read
//   storage       a row of Pairs pairs of factors, b above a, for each of the Rows beats of a pixel: a pair for each lane, or one for all;
//                 none where FactorBits is 0, and a and b are 1
//   misuse        a branch that is a beat short stops the block; one that is a beat ahead is added one beat off from then on; a frame whose
//                 pixels are not Rows beats meets the factors of other channels; an OutBits too narrow wraps without a sign
// Where constants are loaded, Firings says how often it fires a frame, and constants_* are those of rf_loader.
module rf_join_sum #(
  parameter int unsigned Lanes = 1,
  parameter int unsigned Rows = 1,
  parameter int unsigned Pairs = 1,
  parameter int Zero = 0,
  parameter int unsigned MainBits = 1,
  parameter bit MainSigned = 1'b0,
  parameter int unsigned BypassBits = 1,
  parameter bit BypassSigned = 1'b0,
  parameter int unsigned OutBits = 3,
  parameter int unsigned FactorBits = 0,
  parameter bit FactorsBlock = 1'b0,
  parameter bit FactorsUltra = 1'b0,
  parameter FactorsFile = "",
  parameter int unsigned OutDepth = 2,
  parameter OutStyle = "distributed",
  parameter int unsigned Firings = 0,  // of a frame, where constants are loaded
  parameter int unsigned ConstantsDepth = 0,
  parameter ConstantsStyle = "distributed"
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,
  input  logic [Lanes*MainBits-1:0]   main_i,
  input  logic                        main_valid_i,
  output logic                        main_ready_o,
  input  logic [Lanes*BypassBits-1:0] bypass_i,
  input  logic                        bypass_valid_i,
  output logic                        bypass_ready_o,
  output logic [Lanes*OutBits-1:0]    out_o,
  output logic                        out_valid_o,
  input  logic                        out_ready_i,
  input  logic [63:0]                 constants_i,
  input  logic                        constants_valid_i,
  output logic                        constants_ready_o,
  output logic [63:0]                 constants_o,
  output logic                        constants_valid_o,
  input  logic                        constants_ready_i
);
  localparam int unsigned Latency = FactorBits > 0 ? 4 : 1;  // factors from their ROM, products, sum
  localparam int unsigned RowBits = FactorBits > 0 ? Pairs * 2 * FactorBits : 1;
  localparam int unsigned LoadBits = rf_pkg::load_bits(RowBits, 0);

  if (Pairs != 1 && Pairs != Lanes) begin : gen_refuse
    $error("rf_join_sum: there is a pair of factors for each lane, or one for all");
  end

  logic fire, out_room;
  logic [Latency-1:0] valid_q;
  logic [Lanes*OutBits-1:0] main_terms, bypass_terms, sums_q;

  logic open;
  logic load_write;
  logic [31:0] load_address;
  logic [LoadBits-1:0] load_row;

  assign fire = main_valid_i && bypass_valid_i && out_room && open;
  assign main_ready_o = fire;
  assign bypass_ready_o = fire;

  rf_loader #(
    .Firings(Firings), .Drain(Latency), .Rows(32'(Rows)), .RowBits(32'(RowBits)),
    .LoadBits(LoadBits), .Depth(ConstantsDepth), .Style(ConstantsStyle)
  ) u_loader (
    .clk_i, .rst_ni, .constants_i, .constants_valid_i, .constants_ready_o, .constants_o, .constants_valid_o, .constants_ready_i,
    .open_o(open), .fire_i(fire), .write_o(load_write), .address_o(load_address), .row_o(load_row)
  );

  always_ff @(posedge clk_i) valid_q <= rst_ni ? Latency'({valid_q, fire}) : '0;

  if (FactorBits > 0) begin : gen_products
    logic [rf_pkg::index_bits(Rows)-1:0] row_of_pixel;
    logic [RowBits-1:0] row;
    logic [Lanes*MainBits-1:0] main_q, main_qq;
    logic [Lanes*BypassBits-1:0] bypass_q, bypass_qq;
    logic unused_last;

    rf_counter #(.Last(Rows - 1)) u_row (.clk_i, .rst_ni, .step_i(fire), .count_o(row_of_pixel), .last_o(unused_last));
    rf_constants #(
      .Words(Rows), .Bits(RowBits), .Block(FactorsBlock), .File(FactorsFile),
      .Loaded(Firings > 0), .Ultra(FactorsUltra), .LoadBits(LoadBits)
    ) u_factors (
      .clk_i, .load_write_i(load_write), .load_address_i(load_address), .load_row_i(load_row), .address_i(row_of_pixel), .row_o(row)
    );
    always_ff @(posedge clk_i) begin
      main_q <= main_i;
      main_qq <= main_q;
      bypass_q <= bypass_i;
      bypass_qq <= bypass_q;
    end
    for (genvar lane = 0; lane < Lanes; lane++) begin : gen_lane
      localparam int unsigned First = lane % Pairs * 2 * FactorBits;
      rf_scaled #(.Bits(MainBits), .Signed(MainSigned), .FactorBits(FactorBits), .OutBits(OutBits)) u_main (
        .clk_i, .value_i(main_qq[lane*MainBits +: MainBits]), .factor_i(row[First +: FactorBits]),
        .product_o(main_terms[lane*OutBits +: OutBits])
      );
      rf_scaled #(.Bits(BypassBits), .Signed(BypassSigned), .FactorBits(FactorBits), .OutBits(OutBits)) u_bypass (
        .clk_i, .value_i(bypass_qq[lane*BypassBits +: BypassBits]), .factor_i(row[First+FactorBits +: FactorBits]),
        .product_o(bypass_terms[lane*OutBits +: OutBits])
      );
    end
  end else begin : gen_terms
    logic unused;
    assign unused = &{load_write, load_address, load_row};
    for (genvar lane = 0; lane < Lanes; lane++) begin : gen_lane
      logic [MainBits-1:0] main;
      logic [BypassBits-1:0] bypass;
      assign main = main_i[lane*MainBits +: MainBits];
      assign bypass = bypass_i[lane*BypassBits +: BypassBits];
      assign main_terms[lane*OutBits +: OutBits] = MainSigned ? OutBits'(signed'(main)) : OutBits'(main);
      assign bypass_terms[lane*OutBits +: OutBits] = BypassSigned ? OutBits'(signed'(bypass)) : OutBits'(bypass);
    end
  end

  for (genvar lane = 0; lane < Lanes; lane++) begin : gen_sum
    always_ff @(posedge clk_i) begin
      sums_q[lane*OutBits +: OutBits] <= main_terms[lane*OutBits +: OutBits] + bypass_terms[lane*OutBits +: OutBits]
                                         - OutBits'(signed'(Zero));
    end
  end

  rf_fifo #(.Bits(Lanes * OutBits), .Depth(OutDepth), .Latency(Latency), .Style(OutStyle)) u_out (
    .clk_i, .rst_ni, .claim_i(fire), .room_o(out_room), .write_i(valid_q[Latency-1]), .data_i(sums_q),
    .valid_o(out_valid_o), .data_o(out_o), .ready_i(out_ready_i)
  );
endmodule
