// Where beats of pixels go in a ring of rows that several memories share: a memory for each row modulo Rows and column modulo Columns.
//
//   step_i  a beat has gone
//   row_bank_o, bank_o, word_o   where the next one goes: its row's and its column's memory, and its word. The rows of a memory follow one
//           another, each from a new word on; so do columns, PixelBeats words each. Column 0 lies in bank Shift; a frame begins at word 0
module rf_ring_place #(
  parameter int unsigned Height = 3,
  parameter int unsigned Width = 3,
  parameter int unsigned PixelBeats = 1,
  parameter int unsigned Rows = 1,
  parameter int unsigned Columns = 1,
  parameter int unsigned Shift = 0,
  parameter int unsigned Ring = 12,  // words in each memory
  localparam int unsigned RowBankBits = rf_pkg::index_bits(Rows),
  localparam int unsigned BankBits = rf_pkg::index_bits(Columns),
  localparam int unsigned RingBits = rf_pkg::index_bits(Ring)
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  input  logic                   step_i,
  output logic [RowBankBits-1:0] row_bank_o,
  output logic [BankBits-1:0]    bank_o,
  output logic [RingBits-1:0]    word_o
);
  logic part_last, column_last, row_last, height_last, frame_last, bank_last, row_bank_last;
  logic [2:0] unused_first;
  logic [RingBits-1:0] word_next, row_word;  // row_word: where its row begins

  assign row_last = part_last && column_last;
  assign frame_last = row_last && height_last;
  assign bank_last = bank_o == BankBits'(Columns - 1);
  assign word_next = word_o == RingBits'(Ring - 1) ? '0 : word_o + 1'b1;

  rf_loop #(.Times(PixelBeats)) u_part (.clk_i, .rst_ni, .step_i, .first_o(unused_first[0]), .last_o(part_last));
  rf_loop #(.Times(Width)) u_column (.clk_i, .rst_ni, .step_i(step_i && part_last), .first_o(unused_first[1]), .last_o(column_last));
  rf_loop #(.Times(Height)) u_row (.clk_i, .rst_ni, .step_i(step_i && row_last), .first_o(unused_first[2]), .last_o(height_last));
  rf_counter #(.Last(Rows - 1)) u_row_bank (
    .clk_i, .rst_ni(rst_ni && !(step_i && frame_last)), .step_i(step_i && row_last), .count_o(row_bank_o), .last_o(row_bank_last)
  );

  if (Rows == 1) begin : gen_one_row
    assign row_word = '0;
    logic unused;
    assign unused = &{row_word};
  end else begin : gen_rows
    logic [RingBits-1:0] row_word_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) row_word_q <= '0;
      else if (step_i && frame_last) row_word_q <= '0;
      else if (step_i && row_last && row_bank_last) row_word_q <= word_next;
    end
    assign row_word = row_word_q;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      bank_o <= BankBits'(Shift);
      word_o <= '0;
    end else if (step_i) begin
      if (row_last) bank_o <= BankBits'(Shift);
      else if (part_last) bank_o <= bank_last ? '0 : bank_o + 1'b1;
      if (frame_last) word_o <= '0;
      else if (row_last && !row_bank_last) word_o <= row_word;  // the next row lies in the next bank
      else if (!part_last || row_last || bank_last) word_o <= word_next;
      else word_o <= word_o - RingBits'(PixelBeats - 1);  // the column in the next bank has the same words as this one
    end
  end
endmodule
