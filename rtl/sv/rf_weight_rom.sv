// Weights of the fully connected layer kept on chip, sent in the order the layer takes them from memory otherwise.
//
//   out      beats of Pe*Simd weights: PE by PE, the inputs of each together
//   cycles   Tiles a frame; a beat arrives two cycles after its firing
//   storage  a row of Pe*Simd weights a tile
//   misuse   it sends whether or not there is a frame: Tiles other than those its dense layer reads leave weights over, or keep that layer
//            waiting
module rf_weight_rom #(
  parameter int unsigned Tiles = 1,
  parameter int unsigned Simd = 1,
  parameter int unsigned Pe = 1,
  parameter int unsigned WeightBits = 1,
  parameter bit WeightsBlock = 1'b0,
  parameter WeightsFile = "",
  parameter int unsigned OutDepth = 2,
  parameter OutStyle = "distributed",
  localparam int unsigned Bits = Pe * Simd * WeightBits
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  output logic [Bits-1:0] out_o,
  output logic            out_valid_o,
  input  logic            out_ready_i
);
  localparam int unsigned Latency = 2;
  logic fire, unused_last;
  logic [1:0] valid_q;
  logic [rf_pkg::index_bits(Tiles)-1:0] tile;
  logic [Bits-1:0] row;

  rf_counter #(.Last(Tiles - 1)) u_tile (.clk_i, .rst_ni, .step_i(fire), .count_o(tile), .last_o(unused_last));
  rf_rom #(.Words(Tiles), .Bits(Bits), .Block(WeightsBlock), .File(WeightsFile)) u_weights (.clk_i, .address_i(tile), .row_o(row));

  always_ff @(posedge clk_i) valid_q <= rst_ni ? {valid_q[0], fire} : '0;

  // A firing needs nothing but room.
  rf_fifo #(.Bits(Bits), .Depth(OutDepth), .Latency(Latency), .Style(OutStyle)) u_out (
    .clk_i, .rst_ni, .claim_i(fire), .room_o(fire), .write_i(valid_q[1]), .data_i(row),
    .valid_o(out_valid_o), .data_o(out_o), .ready_i(out_ready_i)
  );
endmodule
