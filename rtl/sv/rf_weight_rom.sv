// Weights of the fully connected layer kept on chip, sent in the order the layer takes them from memory otherwise.
//
//   out      beats of Pe*Simd weights: PE by PE, the inputs of each together
//   cycles   Tiles a frame; a beat arrives two cycles after its firing
//   storage  a row of Pe*Simd weights a tile
//   misuse   it sends whether or not there is a frame: Tiles other than those its dense layer reads leave weights over, or keep that layer
//            waiting
// Where constants are loaded, Firings says how often it fires a frame, and constants_* are those of rf_loader.
module rf_weight_rom #(
  parameter int unsigned Tiles = 1,
  parameter int unsigned Simd = 1,
  parameter int unsigned Pe = 1,
  parameter int unsigned WeightBits = 1,
  parameter bit WeightsBlock = 1'b0,
  parameter bit WeightsUltra = 1'b0,
  parameter WeightsFile = "",
  parameter int unsigned OutDepth = 2,
  parameter OutStyle = "distributed",
  parameter int unsigned Firings = 0,  // of a frame, where constants are loaded
  parameter int unsigned ConstantsDepth = 0,
  parameter ConstantsStyle = "distributed",
  localparam int unsigned Bits = Pe * Simd * WeightBits
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  output logic [Bits-1:0] out_o,
  output logic            out_valid_o,
  input  logic            out_ready_i,
  input  logic [63:0]     constants_i,
  input  logic            constants_valid_i,
  output logic            constants_ready_o,
  output logic [63:0]     constants_o,
  output logic            constants_valid_o,
  input  logic            constants_ready_i
);
  localparam int unsigned Latency = 2;
  localparam int unsigned LoadBits = rf_pkg::load_bits(Bits, 0);
  logic fire, room, unused_last;
  logic [1:0] valid_q;
  logic [rf_pkg::index_bits(Tiles)-1:0] tile;
  logic [Bits-1:0] row;

  logic open;
  logic load_write;
  logic [31:0] load_address;
  logic [LoadBits-1:0] load_row;

  // A firing needs nothing but room.
  assign fire = room && open;

  rf_loader #(
    .Firings(Firings), .Drain(Latency), .Rows(32'(Tiles)), .RowBits(32'(Bits)),
    .LoadBits(LoadBits), .Depth(ConstantsDepth), .Style(ConstantsStyle)
  ) u_loader (
    .clk_i, .rst_ni, .constants_i, .constants_valid_i, .constants_ready_o, .constants_o, .constants_valid_o, .constants_ready_i,
    .open_o(open), .fire_i(fire), .write_o(load_write), .address_o(load_address), .row_o(load_row)
  );
  rf_counter #(.Last(Tiles - 1)) u_tile (.clk_i, .rst_ni, .step_i(fire), .count_o(tile), .last_o(unused_last));
  rf_constants #(
    .Words(Tiles), .Bits(Bits), .Block(WeightsBlock), .File(WeightsFile),
    .Loaded(Firings > 0), .Ultra(WeightsUltra), .LoadBits(LoadBits)
  ) u_weights (
    .clk_i, .load_write_i(load_write), .load_address_i(load_address), .load_row_i(load_row), .address_i(tile), .row_o(row)
  );

  always_ff @(posedge clk_i) valid_q <= rst_ni ? {valid_q[0], fire} : '0;

  rf_fifo #(.Bits(Bits), .Depth(OutDepth), .Latency(Latency), .Style(OutStyle)) u_out (
    .clk_i, .rst_ni, .claim_i(fire), .room_o(room), .write_i(valid_q[1]), .data_i(row),
    .valid_o(out_valid_o), .data_o(out_o), .ready_i(out_ready_i)
  );
endmodule
