// Which Times of every Of steps are due, evenly spread; the last one always is.
//
//   step_i  to the next step
//   due_o   this step is due
module rf_spread #(
  parameter int unsigned Of = 1,
  parameter int unsigned Times = 1
) (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic step_i,
  output logic due_o
);
  if (Times == Of) begin : gen_always
    logic unused;
    assign unused = &{clk_i, rst_ni, step_i};
    assign due_o = 1'b1;
  end else begin : gen_spread
    // Round a circle of Of places by Times of them: a step that passes the top is due. That is seen beside the addition, not behind it.
    localparam int unsigned Bits = $clog2(Of);
    logic [Bits-1:0] place_q;

    assign due_o = place_q >= Bits'(Of - Times);
    always_ff @(posedge clk_i) begin
      if (!rst_ni) place_q <= '0;
      else if (step_i) place_q <= due_o ? place_q - Bits'(Of - Times) : place_q + Bits'(Times);
    end
  end
endmodule
