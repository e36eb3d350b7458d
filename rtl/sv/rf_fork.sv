// Fork: every beat to both branches of a block.
//
//   in, main, bypass  beats of Lanes codes
//   cycles            Beats a frame; a beat arrives one cycle after it was read. It waits until both branches have room
//   misuse            a branch whose FIFO is too shallow for what the other holds back fills up and stops both: deadlock
module rf_fork #(
  parameter int unsigned Lanes = 1,
  parameter int unsigned CodeBits = 1,
  parameter int unsigned MainDepth = 2,
  parameter int unsigned BypassDepth = 2,
  parameter MainStyle = "distributed",
  parameter BypassStyle = "distributed",
  localparam int unsigned Bits = Lanes * CodeBits
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  input  logic [Bits-1:0] in_i,
  input  logic            in_valid_i,
  output logic            in_ready_o,
  output logic [Bits-1:0] main_o,
  output logic            main_valid_o,
  input  logic            main_ready_i,
  output logic [Bits-1:0] bypass_o,
  output logic            bypass_valid_o,
  input  logic            bypass_ready_i
);
  localparam int unsigned Latency = 1;
  logic fire, main_room, bypass_room, write_q;
  logic [Bits-1:0] beat_q;

  assign fire = in_valid_i && main_room && bypass_room;
  assign in_ready_o = fire;

  always_ff @(posedge clk_i) begin
    write_q <= fire && rst_ni;
    beat_q <= in_i;
  end

  rf_fifo #(.Bits(Bits), .Depth(MainDepth), .Latency(Latency), .Style(MainStyle)) u_main (
    .clk_i, .rst_ni, .claim_i(fire), .room_o(main_room), .write_i(write_q), .data_i(beat_q),
    .valid_o(main_valid_o), .data_o(main_o), .ready_i(main_ready_i)
  );
  rf_fifo #(.Bits(Bits), .Depth(BypassDepth), .Latency(Latency), .Style(BypassStyle)) u_bypass (
    .clk_i, .rst_ni, .claim_i(fire), .room_o(bypass_room), .write_i(write_q), .data_i(beat_q),
    .valid_o(bypass_valid_o), .data_o(bypass_o), .ready_i(bypass_ready_i)
  );
endmodule
