// Counter of 0 ... Last that wraps. Whether it stands at its end is a register of its own, so that nobody has to compare.
//
//   step_i   to the next number, after Last to 0
//   count_o  the number
//   last_o   count_o == Last
module rf_counter #(
  parameter int unsigned Last = 1,
  localparam int unsigned Bits = rf_pkg::index_bits(Last + 1)
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  input  logic            step_i,
  output logic [Bits-1:0] count_o,
  output logic            last_o
);
  if (Last == 0) begin : gen_constant
    logic unused;
    assign unused = &{clk_i, rst_ni, step_i};
    assign count_o = '0;
    assign last_o = 1'b1;
  end else begin : gen_counter
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        count_o <= '0;
        last_o <= 1'b0;
      end else if (step_i) begin
        count_o <= last_o ? '0 : count_o + 1'b1;
        last_o <= !last_o && count_o == Bits'(Last - 1);
      end
    end
  end
endmodule
