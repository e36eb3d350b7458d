// A loop of Times steps, again and again: whether the step at hand is its first or its last, as registers.
//
//   step_i            the step is done
//   first_o, last_o   the step at hand is the first; the last
module rf_loop #(
  parameter int unsigned Times = 2
) (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic step_i,
  output logic first_o,
  output logic last_o
);
  if (Times == 1) begin : gen_once
    logic unused;
    assign unused = &{clk_i, rst_ni, step_i};
    assign first_o = 1'b1;
    assign last_o = 1'b1;
  end else begin : gen_loop
    logic [$clog2(Times)-1:0] unused_count;
    rf_counter #(.Last(Times - 1)) u_count (.clk_i, .rst_ni, .step_i, .count_o(unused_count), .last_o);
    always_ff @(posedge clk_i) begin
      if (!rst_ni) first_o <= 1'b1;
      else if (step_i) first_o <= last_o;
    end
  end
endmodule
