// Which row of constants a beat meets: rows in their order, or blocks of them, each as often as there are pixels in a group.
//
//   step_i  to the next beat
//   row_o   a register: the row of the beat at hand
//   misuse  rows that are no whole blocks are refused by $error
module rf_row_of_beat #(
  parameter int unsigned Rows = 1,
  parameter int unsigned Block = 1,
  parameter int unsigned Repeats = 1,
  localparam int unsigned RowBits = rf_pkg::index_bits(Rows)
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic               step_i,
  output logic [RowBits-1:0] row_o
);
  if (Rows % Block != 0) begin : gen_refuse
    $error("rf_row_of_beat: Block has to divide Rows");
  end

  if (Repeats == 1 || Block == Rows) begin : gen_in_order
    logic unused_last;
    rf_counter #(.Last(Rows - 1)) u_row (.clk_i, .rst_ni, .step_i, .count_o(row_o), .last_o(unused_last));
  end else begin : gen_blocks
    logic unused_first_beat, last_beat, unused_first_pixel, last_pixel;
    logic [RowBits-1:0] next_row;

    rf_loop #(.Times(Block)) u_beat (.clk_i, .rst_ni, .step_i, .first_o(unused_first_beat), .last_o(last_beat));
    rf_loop #(.Times(Repeats)) u_pixel (
      .clk_i, .rst_ni, .step_i(step_i && last_beat), .first_o(unused_first_pixel), .last_o(last_pixel)
    );
    assign next_row = row_o == RowBits'(Rows - 1) ? '0 : row_o + 1'b1;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) row_o <= '0;
      else if (step_i) row_o <= last_beat && !last_pixel ? row_o - RowBits'(Block - 1) : next_row;
    end
  end
endmodule
