// Register slice of an AXI4-Stream port: valid, ready and data are registers on both sides, at a beat a cycle.
//
//   storage  two beats: one to send, and one that comes in the cycle in which the receiver stops
//   cycles   a beat is offered one cycle after it was taken; ready rises one cycle after the other side took a beat
module rf_slice #(
  parameter int unsigned Bits = 8
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  input  logic [Bits-1:0] in_i,
  input  logic            in_valid_i,
  output logic            in_ready_o,
  output logic [Bits-1:0] out_o,
  output logic            out_valid_o,
  input  logic            out_ready_i
);
  logic [Bits-1:0] spare_q;
  logic spare_valid_q, take, moves;

  assign in_ready_o = !spare_valid_q;
  assign take = in_valid_i && in_ready_o;
  assign moves = !out_valid_o || out_ready_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      out_valid_o <= 1'b0;
      spare_valid_q <= 1'b0;
    end else if (moves) begin
      out_valid_o <= spare_valid_q || take;
      spare_valid_q <= 1'b0;
    end else begin
      spare_valid_q <= spare_valid_q || take;
    end
  end

  always_ff @(posedge clk_i) begin
    if (moves) out_o <= spare_valid_q ? spare_q : in_i;
    if (in_ready_o) spare_q <= in_i;
  end
endmodule
