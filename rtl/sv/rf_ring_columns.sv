// The ring of rows of a sliding window of several taps: beats go in as they come, steps take columns.
//
//   take_i, data_i   a beat of the image goes in
//   step_i           the next step: a group of Columns columns of Rows rows of a window, some of their channels
//   columns_o        Taken cycles after its step: of the group's last New columns, from the last one on, the Rows rows from the window's
//                    first
//   storage          a memory for each of Rows rows and Columns columns: row y lies in that of y mod Rows, column c in that of
//                    (c + Shift) mod Columns. Of a row RowWords groups of columns are there; beyond it anything is taken
//   misuse           a step takes what has come in by then: the beats of the row that it takes last have to be in, and none above it anew
module rf_ring_columns #(
  parameter int unsigned Height = 3,
  parameter int unsigned Width = 3,
  parameter int unsigned KernelHeight = 3,
  parameter int unsigned StrideHeight = 1,
  parameter int unsigned PadTop = 1,
  parameter int unsigned OutHeight = 3,
  parameter int unsigned PixelBeats = 1,
  parameter int unsigned Rows = 3,
  parameter int unsigned Columns = 1,
  parameter int unsigned Shift = 0,
  parameter int unsigned RowWords = 3,
  parameter int unsigned Words = 3,  // steps of a row of windows, in groups of columns
  parameter int unsigned New = 1,
  parameter int unsigned Bits = 1,
  parameter Style = "distributed"
) (
  input  logic                     clk_i,
  input  logic                     rst_ni,
  input  logic                     take_i,
  input  logic [Bits-1:0]          data_i,
  input  logic                     step_i,
  output logic [New*Rows*Bits-1:0] columns_o
);
  localparam int unsigned Kernels = KernelHeight / Rows;  // steps for the rows of a window
  localparam int unsigned Slots = (KernelHeight + StrideHeight + Rows - 1) / Rows;  // rows in a bank
  localparam int unsigned RowSpace = RowWords * PixelBeats;  // of a row, in a bank
  localparam int unsigned Ring = Slots * RowSpace;
  localparam int unsigned TopRow = Slots * Rows - PadTop;  // that of the first window, in the padding above row 0
  localparam int unsigned Top = TopRow / Rows % Slots * RowSpace;
  localparam int unsigned TopTurn = TopRow % Rows;
  localparam int unsigned Down = StrideHeight / Rows * RowSpace;  // to the next row of windows: words, and banks
  localparam int unsigned Turn = StrideHeight % Rows;

  localparam int unsigned RingBits = rf_pkg::index_bits(Ring);
  localparam int unsigned BankBits = rf_pkg::index_bits(Columns);
  localparam int unsigned TurnBits = rf_pkg::index_bits(Rows);
  localparam int unsigned AtBits = rf_pkg::index_bits(Words * PixelBeats);

  logic [BankBits-1:0] bank_in;
  logic [TurnBits-1:0] row_bank_in;
  logic [RingBits-1:0] word_in;

  rf_ring_place #(
    .Height(Height), .Width(Width), .PixelBeats(PixelBeats), .Rows(Rows), .Columns(Columns), .Shift(Shift), .Ring(Ring)
  ) u_place (.clk_i, .rst_ni, .step_i(take_i), .row_bank_o(row_bank_in), .bank_o(bank_in), .word_o(word_in));

  // Where columns come from: row `base`, word `at`. Of a window's rows those in banks before that of the first are a slot further.
  logic part_last, kernel_last, word_last, out_row_last;
  logic [3:0] unused_first_out;
  logic [AtBits-1:0] at_q, word_at_q;  // word_at_q: the first of this group of columns
  logic [RingBits-1:0] base_q, base_top_q, base_further, base_top_next;  // base_top_q: of the first row of the window
  logic [TurnBits-1:0] turn_q;  // its bank

  rf_loop #(.Times(PixelBeats)) u_part (.clk_i, .rst_ni, .step_i, .first_o(unused_first_out[0]), .last_o(part_last));
  rf_loop #(.Times(Kernels)) u_kernel (
    .clk_i, .rst_ni, .step_i(step_i && part_last), .first_o(unused_first_out[1]), .last_o(kernel_last)
  );
  rf_loop #(.Times(Words)) u_word (
    .clk_i, .rst_ni, .step_i(step_i && part_last && kernel_last), .first_o(unused_first_out[2]), .last_o(word_last)
  );
  rf_loop #(.Times(OutHeight)) u_out_row (
    .clk_i, .rst_ni, .step_i(step_i && part_last && kernel_last && word_last), .first_o(unused_first_out[3]), .last_o(out_row_last)
  );

  assign base_further = base_q == RingBits'(Ring - RowSpace) ? '0 : base_q + RingBits'(RowSpace);

  logic [RingBits-1:0] base_down;
  if (Down == 0) begin : gen_same_slot
    assign base_down = base_top_q;
  end else begin : gen_down
    assign base_down = base_top_q >= RingBits'(Ring - Down) ? base_top_q - RingBits'(Ring - Down) : base_top_q + RingBits'(Down);
  end
  if (Turn == 0) begin : gen_same_bank
    assign base_top_next = base_down;
    assign turn_q = TurnBits'(TopTurn);
    logic unused;
    assign unused = &{turn_q};
  end else begin : gen_turn
    logic wraps;
    assign wraps = turn_q >= TurnBits'(Rows - Turn);
    assign base_top_next = !wraps ? base_down : base_down == RingBits'(Ring - RowSpace) ? '0 : base_down + RingBits'(RowSpace);
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        turn_q <= TurnBits'(TopTurn);
      end else if (step_i && part_last && kernel_last && word_last) begin
        turn_q <= out_row_last ? TurnBits'(TopTurn) : wraps ? turn_q - TurnBits'(Rows - Turn) : turn_q + TurnBits'(Turn);
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      at_q <= '0;
      word_at_q <= '0;
      base_q <= RingBits'(Top);
      base_top_q <= RingBits'(Top);
    end else if (step_i) begin
      if (!part_last) begin
        at_q <= at_q + 1'b1;
      end else if (!kernel_last) begin  // the next row of the window
        at_q <= word_at_q;
        base_q <= base_further;
      end else if (!word_last) begin  // the next group of columns
        at_q <= at_q + 1'b1;
        word_at_q <= at_q + 1'b1;
        base_q <= base_top_q;
      end else begin  // the next row of windows, or the next frame
        at_q <= '0;
        word_at_q <= '0;
        base_q <= out_row_last ? RingBits'(Top) : base_top_next;
        base_top_q <= out_row_last ? RingBits'(Top) : base_top_next;
      end
    end
  end

  // The ring. Beyond the row are no columns of the image: what is read there is not used.
  logic takes_q;
  logic [Bits-1:0] in_q;
  logic [RingBits-1:0] word_in_q;
  logic [BankBits-1:0] bank_in_q;
  logic [TurnBits-1:0] row_bank_in_q;
  logic [New*Rows*Bits-1:0] words;  // columns, the group's last one lowest, of each its rows

  always_ff @(posedge clk_i) begin
    takes_q <= take_i && rst_ni;
    in_q <= data_i;
    word_in_q <= word_in;
    bank_in_q <= bank_in;
    row_bank_in_q <= row_bank_in;
  end

  for (genvar y = 0; y < Rows; y++) begin : gen_rows
    logic [RingBits-1:0] address_q;
    if (y < Rows - 1) begin : gen_before
      always_ff @(posedge clk_i) address_q <= (turn_q > TurnBits'(y) ? base_further : base_q) + RingBits'(at_q);
    end else begin : gen_last
      always_ff @(posedge clk_i) address_q <= base_q + RingBits'(at_q);
    end
    for (genvar x = 0; x < New; x++) begin : gen_columns
      rf_ram #(.Words(Ring), .Bits(Bits), .Style(Style)) u_ring (
        .clk_i, .write_i(takes_q && bank_in_q == BankBits'(Columns - 1 - x) && row_bank_in_q == TurnBits'(y)),
        .write_address_i(word_in_q), .data_i(in_q), .read_address_i(address_q), .data_o(words[(x*Rows+y)*Bits +: Bits])
      );
    end
  end

  // Row by row from the window's first.
  if (Turn == 0) begin : gen_in_place
    for (genvar i = 0; i < New * Rows; i++) begin : gen_pixel
      assign columns_o[i*Bits +: Bits] = words[(i/Rows*Rows+(i+TopTurn)%Rows)*Bits +: Bits];
    end
  end else begin : gen_rotation
    logic [2*TurnBits-1:0] turn_qq;
    logic [New*Rows*Bits-1:0] rotated, rotated_q;
    always_ff @(posedge clk_i) begin
      turn_qq <= {turn_qq[TurnBits-1:0], turn_q};
      rotated_q <= rotated;
    end
    always_comb begin
      rotated = '0;
      for (int unsigned i = 0; i < New * Rows; i++) begin
        for (int unsigned bank = 0; bank < Rows; bank++) begin
          if (turn_qq[TurnBits +: TurnBits] == TurnBits'((bank + Rows - i % Rows) % Rows)) begin
            rotated[i*Bits +: Bits] = words[(i/Rows*Rows+bank)*Bits +: Bits];
          end
        end
      end
    end
    assign columns_o = rotated_q;
  end
endmodule
