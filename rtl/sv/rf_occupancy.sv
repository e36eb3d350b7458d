// How many places of a memory are taken, as the two flags that matter, which are registers.
//
//   more_i, less_i  one more is taken; one is given back; both in one cycle leave the number as it is
//   some_o, room_o  at least one is taken; at least one of Most is free
//   misuse          more_i without room_o, or less_i without some_o, wraps the number
module rf_occupancy #(
  parameter int unsigned Most = 2
) (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic more_i,
  input  logic less_i,
  output logic some_o,
  output logic room_o
);
  localparam int unsigned Bits = $clog2(Most + 1);
  logic [Bits-1:0] taken_q;
  logic up, down;

  assign up = more_i && !less_i;
  assign down = less_i && !more_i;

  // One adder for both ways, and flags that are found out beside it instead of behind it.
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      taken_q <= '0;
      some_o <= 1'b0;
      room_o <= 1'b1;
    end else begin
      taken_q <= taken_q + (down ? '1 : Bits'(up));
      some_o <= up || (down ? taken_q != Bits'(1) : some_o);
      room_o <= down || (up ? taken_q != Bits'(Most - 1) : room_o);
    end
  end
endmodule
