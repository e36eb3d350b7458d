// Join: the two branches of a residual block meet.
//
//   main, bypass, out  beats of Lanes codes: code = min(max(main + bypass - Zero, 0), 2**CodeBits - 1)
//   cycles             Beats a frame; the sum arrives two cycles after its terms were read
//   misuse             a branch that is a beat short stops the block; one that is a beat ahead is added one beat off from then on; a zero
//                      point that is no code is refused by $error
module rf_join #(
  parameter int unsigned Lanes = 1,
  parameter int unsigned Zero = 0,
  parameter int unsigned CodeBits = 1,
  parameter int unsigned OutDepth = 2,
  parameter OutStyle = "distributed",
  localparam int unsigned Bits = Lanes * CodeBits
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  input  logic [Bits-1:0] main_i,
  input  logic            main_valid_i,
  output logic            main_ready_o,
  input  logic [Bits-1:0] bypass_i,
  input  logic            bypass_valid_i,
  output logic            bypass_ready_o,
  output logic [Bits-1:0] out_o,
  output logic            out_valid_o,
  input  logic            out_ready_i
);
  localparam int unsigned Latency = 2;
  localparam int unsigned SumBits = CodeBits + 2;  // -Zero ... twice the highest code

  if (Zero >= 2**CodeBits) begin : gen_refuse
    $error("rf_join: Zero is no code");
  end

  logic fire, out_room, sum_valid_q, write_q;
  logic [Bits-1:0] codes_q;

  assign fire = main_valid_i && bypass_valid_i && out_room;
  assign main_ready_o = fire;
  assign bypass_ready_o = fire;

  always_ff @(posedge clk_i) begin
    sum_valid_q <= fire && rst_ni;
    write_q <= sum_valid_q && rst_ni;
  end

  for (genvar lane = 0; lane < Lanes; lane++) begin : gen_lane
    logic [SumBits-1:0] sum_q;
    logic negative, above;

    assign negative = sum_q[SumBits-1];
    assign above = sum_q[CodeBits] && !negative;
    always_ff @(posedge clk_i) begin
      sum_q <= SumBits'(main_i[lane*CodeBits +: CodeBits]) + SumBits'(bypass_i[lane*CodeBits +: CodeBits]) - SumBits'(Zero);
      codes_q[lane*CodeBits +: CodeBits] <= sum_q[CodeBits-1:0] & {CodeBits{!negative}} | {CodeBits{above}};
    end
  end

  rf_fifo #(.Bits(Bits), .Depth(OutDepth), .Latency(Latency), .Style(OutStyle)) u_out (
    .clk_i, .rst_ni, .claim_i(fire), .room_o(out_room), .write_i(write_q), .data_i(codes_q),
    .valid_o(out_valid_o), .data_o(out_o), .ready_i(out_ready_i)
  );
endmodule
