// Sliding window generator: pixels in raster order become the windows of a convolution or a pool, for any kernel, stride and padding.
//
//   in       beats of Simd codes: pixels in raster order, channels fastest, In/Simd beats a pixel
//   out      beats of Pixels*Simd codes: windows in raster order, each (kernel_y, kernel_x, channel), Pixels of them side by side
//   cycles   Fill + OutHeight * Phase a frame, see below; a beat arrives Latency cycles after its firing
//   storage  a ring of kernel + stride rows, in Pixels*stride banks of columns where Pixels is above 1
//   misuse   it reads a whole frame, rows that no window needs included: a frame that is short stops it, one that is long becomes the top
//            of the next. FIFOs in front of it and behind it have to hold what comes while the other side pauses
// After the fill, each output row is one phase: its windows go out while the rows that the next one needs come in, so what is written in a
// phase is never read in it. Whichever of the two is less is spread evenly over the phase. Three machines: one says what each firing reads
// and writes, rf_ring_place where beats go, one where they come from.
module rf_swg #(
  parameter int unsigned Height = 3,
  parameter int unsigned Width = 3,
  parameter int unsigned KernelHeight = 3,
  parameter int unsigned KernelWidth = 3,
  parameter int unsigned StrideHeight = 1,
  parameter int unsigned StrideWidth = 1,
  parameter int unsigned PadTop = 1,
  parameter int unsigned PadBottom = 1,
  parameter int unsigned PadLeft = 1,
  parameter int unsigned PadRight = 1,
  parameter int unsigned In = 1,
  parameter int unsigned Simd = 1,
  parameter int unsigned Pixels = 1,
  parameter int unsigned InBits = 1,
  parameter logic [In*InBits-1:0] PadCodes = '0,  // what stands outside the image, channel 0 lowest
  parameter RingStyle = "distributed",
  parameter int unsigned OutDepth = 2,
  parameter OutStyle = "distributed",
  localparam int unsigned Bits = Simd * InBits
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  input  logic [Bits-1:0]        in_i,
  input  logic                   in_valid_i,
  output logic                   in_ready_o,
  output logic [Pixels*Bits-1:0] out_o,
  output logic                   out_valid_o,
  input  logic                   out_ready_i
);
  localparam int unsigned OutHeight = (Height + PadTop + PadBottom - KernelHeight) / StrideHeight + 1;
  localparam int unsigned OutWidth = (Width + PadLeft + PadRight - KernelWidth) / StrideWidth + 1;
  localparam int unsigned PixelBeats = In / Simd;
  localparam int unsigned RowBeats = Width * PixelBeats;
  localparam int unsigned FillRows = KernelHeight - PadTop < Height ? KernelHeight - PadTop : Height;
  localparam int unsigned Fill = FillRows * RowBeats;
  localparam int unsigned Settle = RowBeats == 1 ? 1 : 0;  // a cycle of the HLS library's, in which a lone beat reaches its RAM
  localparam int unsigned Reads = StrideHeight * RowBeats;  // of a phase
  localparam int unsigned Writes = OutWidth / Pixels * KernelHeight * KernelWidth * PixelBeats;  // of a phase
  localparam int unsigned Phase = Reads + Settle > Writes ? Reads + Settle : Writes;

  localparam int unsigned Step = Pixels * StrideWidth;  // columns from one group of pixels to the next
  localparam int unsigned Banks = Pixels == 1 ? 1 : Step;  // column c lies in bank c mod Banks
  localparam int unsigned Words = (Width + Banks - 1) / Banks * PixelBeats;  // of a row, in a bank
  localparam int unsigned Ring = (KernelHeight + StrideHeight) * Words;
  localparam int unsigned GroupWords = Step / Banks * PixelBeats;  // from one group of pixels to the next
  localparam int unsigned PadColumns = (PadLeft + Banks - 1) / Banks * Banks;  // before the first, which is of bank 0
  localparam int unsigned PadWords = PadColumns / Banks * PixelBeats;
  localparam int unsigned FirstBank = PadColumns - PadLeft;  // of a group's first column
  localparam int unsigned LastWord = OutWidth / Pixels * GroupWords + ((FirstBank + KernelWidth) / Banks + 1) * PixelBeats;
  localparam int unsigned LastRow = OutHeight * StrideHeight + KernelHeight;
  localparam int unsigned Top = (StrideHeight + KernelHeight - PadTop) * Words % Ring;

  localparam int unsigned RingBits = rf_pkg::index_bits(Ring);
  localparam int unsigned BankBits = rf_pkg::index_bits(Banks);
  localparam int unsigned WordBits = $clog2(LastWord + 1);
  localparam int unsigned RowBits = $clog2(LastRow + 1);
  localparam int unsigned TapBits = rf_pkg::index_bits(KernelWidth);
  localparam int unsigned Latency = Banks > 1 ? 4 : 3;

  if (In % Simd != 0 || OutWidth % Pixels != 0) begin : gen_refuse_fold
    $error("rf_swg: Simd has to divide In, and Pixels the output width");
  end
  if (PadTop >= KernelHeight || PadLeft >= KernelWidth || KernelHeight > Height + PadTop + PadBottom
      || KernelWidth > Width + PadLeft + PadRight) begin : gen_refuse_pad
    $error("rf_swg: a window has to see the image, and to fit into it with its padding");
  end

  // What the next firing reads and writes, found out a firing ahead.
  logic fire, advance, have_q, reads_q, writes_q, out_room;
  logic filling_q, taken_q, reads, writes, fill_last, phase_last, rows_last, frame_last, read_due, write_due, beats_last;
  logic [3:0] unused_first;

  assign fire = have_q && (!reads_q || in_valid_i) && (!writes_q || out_room);
  assign in_ready_o = fire && reads_q;
  assign advance = fire || !have_q;
  assign reads = filling_q ? !(Settle == 1 && fill_last) : !(Settle == 1 && phase_last) && read_due && !taken_q;
  assign writes = !filling_q && write_due;
  assign frame_last = !filling_q && phase_last && rows_last;

  rf_loop #(.Times(Fill + Settle)) u_fill (
    .clk_i, .rst_ni, .step_i(advance && filling_q), .first_o(unused_first[0]), .last_o(fill_last)
  );
  rf_loop #(.Times(Phase)) u_step (
    .clk_i, .rst_ni, .step_i(advance && !filling_q), .first_o(unused_first[1]), .last_o(phase_last)
  );
  rf_loop #(.Times(OutHeight)) u_rows (
    .clk_i, .rst_ni, .step_i(advance && !filling_q && phase_last), .first_o(unused_first[2]), .last_o(rows_last)
  );
  rf_loop #(.Times(Height * RowBeats)) u_beats (
    .clk_i, .rst_ni, .step_i(advance && reads), .first_o(unused_first[3]), .last_o(beats_last)
  );
  rf_spread #(.Of(Phase - Settle), .Times(Reads)) u_read_due (
    .clk_i, .rst_ni, .step_i(advance && !filling_q && !(Settle == 1 && phase_last)), .due_o(read_due)
  );
  rf_spread #(.Of(Phase), .Times(Writes)) u_write_due (.clk_i, .rst_ni, .step_i(advance && !filling_q), .due_o(write_due));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      have_q <= 1'b0;
      filling_q <= 1'b1;
      taken_q <= 1'b0;
    end else begin
      have_q <= 1'b1;
      if (advance) begin
        filling_q <= filling_q ? !fill_last : frame_last;
        taken_q <= !frame_last && (taken_q || (reads && beats_last));
      end
    end
    if (advance) begin
      reads_q <= reads;
      writes_q <= writes;
    end
  end

  logic takes, unused_row_bank;
  logic [BankBits-1:0] bank_in;
  logic [RingBits-1:0] word_in;

  assign takes = fire && reads_q;
  rf_ring_place #(.Height(Height), .Width(Width), .PixelBeats(PixelBeats), .Columns(Banks), .Ring(Ring)) u_place (
    .clk_i, .rst_ni, .step_i(takes), .row_bank_o(unused_row_bank), .bank_o(bank_in), .word_o(word_in)
  );

  // Where beats come from. Rows and words are counted with the padding before them, to have no signs.
  logic gives, part_last, kx_last, reach_last, ky_last, group_last, out_row_last;
  logic [TapBits-1:0] kx;
  logic [3:0] unused_first_out;
  logic [BankBits-1:0] bank_q;  // of the column under the tap, for the group's first pixel
  logic [WordBits-1:0] word_q, group_word_q;  // the beat's word; word of the group's first column
  logic [RowBits-1:0] row_q, top_q;  // row under the tap; first row of the window
  logic [RingBits-1:0] base_q, base_top_q;  // where these two rows begin in the ring
  logic [RingBits-1:0] base_next, base_top_next;
  logic [WordBits-1:0] group_word_next;
  logic [RowBits-1:0] top_next;

  assign gives = fire && writes_q;
  assign reach_last = part_last && kx_last;
  rf_loop #(.Times(PixelBeats)) u_part (.clk_i, .rst_ni, .step_i(gives), .first_o(unused_first_out[3]), .last_o(part_last));
  rf_counter #(.Last(KernelWidth - 1)) u_kx (.clk_i, .rst_ni, .step_i(gives && part_last), .count_o(kx), .last_o(kx_last));
  rf_loop #(.Times(KernelHeight)) u_ky (.clk_i, .rst_ni, .step_i(gives && reach_last), .first_o(unused_first_out[0]), .last_o(ky_last));
  rf_loop #(.Times(OutWidth / Pixels)) u_group (
    .clk_i, .rst_ni, .step_i(gives && reach_last && ky_last), .first_o(unused_first_out[1]), .last_o(group_last)
  );
  rf_loop #(.Times(OutHeight)) u_out_row (
    .clk_i, .rst_ni, .step_i(gives && reach_last && ky_last && group_last), .first_o(unused_first_out[2]), .last_o(out_row_last)
  );

  // A row further in the ring, and a stride of rows.
  assign base_next = base_q >= RingBits'(Ring - Words) ? base_q - RingBits'(Ring - Words) : base_q + RingBits'(Words);
  assign base_top_next = base_top_q >= RingBits'(Ring - StrideHeight * Words) ? base_top_q - RingBits'(Ring - StrideHeight * Words)
                                                                              : base_top_q + RingBits'(StrideHeight * Words);
  assign group_word_next = group_word_q + WordBits'(GroupWords);
  assign top_next = top_q + RowBits'(StrideHeight);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      bank_q <= BankBits'(FirstBank);
      word_q <= '0;
      group_word_q <= '0;
      row_q <= '0;
      top_q <= '0;
      base_q <= RingBits'(Top);
      base_top_q <= RingBits'(Top);
    end else if (gives) begin
      if (!reach_last) begin  // the next beat of the row
        if (part_last) bank_q <= bank_q == BankBits'(Banks - 1) ? '0 : bank_q + 1'b1;
        if (!part_last || bank_q == BankBits'(Banks - 1)) word_q <= word_q + 1'b1;
        else word_q <= word_q - WordBits'(PixelBeats - 1);
      end else begin
        bank_q <= BankBits'(FirstBank);
        if (!ky_last) begin  // the next row of the window
          word_q <= group_word_q;
          row_q <= row_q + 1'b1;
          base_q <= base_next;
        end else if (!group_last) begin  // the next window
          group_word_q <= group_word_next;
          word_q <= group_word_next;
          row_q <= top_q;
          base_q <= base_top_q;
        end else begin  // the next row of windows, or the next frame
          group_word_q <= '0;
          word_q <= '0;
          top_q <= out_row_last ? '0 : top_next;
          row_q <= out_row_last ? '0 : top_next;
          base_top_q <= out_row_last ? RingBits'(Top) : base_top_next;
          base_q <= out_row_last ? RingBits'(Top) : base_top_next;
        end
      end
    end
  end

  // The ring. Every bank is read once: Banks columns from the one under the tap on, which in the banks before its own are a column further.
  logic row_inside, takes_q;
  logic [Bits-1:0] in_q;
  logic [Latency-1:0] gives_q;
  logic [RingBits-1:0] word_in_q;
  logic [BankBits-1:0] bank_in_q;
  logic [Banks*Bits-1:0] columns_q;

  assign row_inside = row_q - RowBits'(PadTop) < RowBits'(Height);  // a row of the padding above wraps to a large number

  always_ff @(posedge clk_i) begin
    takes_q <= takes && rst_ni;
    gives_q <= rst_ni ? {gives_q[Latency-2:0], gives} : '0;
    in_q <= in_i;
    word_in_q <= word_in;
    bank_in_q <= bank_in;
  end

  // The codes of the padding, beat by beat where they are not the same in all of a pixel, whose beats leave one after the other.
  logic [Bits-1:0] pad_codes;

  if ((PadCodes ^ PadCodes >> Bits) << Bits == '0) begin : gen_same_pads
    assign pad_codes = PadCodes[Bits-1:0];
  end else begin : gen_pads
    localparam int unsigned BeatBits = rf_pkg::index_bits(PixelBeats);
    logic [BeatBits-1:0] beat, beat_q;
    logic [Bits-1:0] pad_codes_q;
    logic unused_last;
    rf_counter #(.Last(PixelBeats - 1)) u_beat_out (.clk_i, .rst_ni, .step_i(gives), .count_o(beat), .last_o(unused_last));
    always_ff @(posedge clk_i) begin
      beat_q <= beat;
      pad_codes_q <= PadCodes[32'(beat_q)*Bits +: Bits];
    end
    assign pad_codes = pad_codes_q;
  end

  for (genvar bank = 0; bank < Banks; bank++) begin : gen_bank
    localparam int unsigned RowWords = (Width + Banks - 1 - bank) / Banks * PixelBeats;
    logic a_column_further, in_row;
    logic [WordBits:0] at;  // the word of the row, as a large number where it is of the padding before it
    logic inside_q, inside_qq;
    logic [RingBits-1:0] address_q;
    logic [Bits-1:0] word;

    if (bank < Banks - 1) begin : gen_before
      assign a_column_further = bank_q > BankBits'(bank);
    end else begin : gen_last
      assign a_column_further = 1'b0;
    end
    assign at = (WordBits + 1)'(word_q) + (a_column_further ? (WordBits + 1)'(PixelBeats) : '0) - (WordBits + 1)'(PadWords);
    if (RowWords > 0) begin : gen_row
      assign in_row = at < (WordBits + 1)'(RowWords);
    end else begin : gen_padding
      logic unused;
      assign unused = &{at};
      assign in_row = 1'b0;
    end
    always_ff @(posedge clk_i) begin
      inside_q <= row_inside && in_row;
      inside_qq <= inside_q;
      address_q <= base_q + RingBits'(at);
      columns_q[bank*Bits +: Bits] <= inside_qq ? word : pad_codes;
    end
    rf_ram #(.Words(Ring), .Bits(Bits), .Style(RingStyle)) u_ring (
      .clk_i, .write_i(takes_q && bank_in_q == BankBits'(bank)), .write_address_i(word_in_q), .data_i(in_q),
      .read_address_i(address_q), .data_o(word)
    );
  end

  logic [Pixels*Bits-1:0] windows;

  if (Banks == 1) begin : gen_one
    logic unused;
    assign unused = &{kx};
    assign windows = columns_q;
  end else begin : gen_choice
    // Of all banks, only as many can be under a pixel's tap as the kernel is wide.
    logic [3*TapBits-1:0] kx_q;
    logic [Pixels*Bits-1:0] windows_d, windows_q;
    always_ff @(posedge clk_i) begin
      kx_q <= (3 * TapBits)'({kx_q, kx});
      windows_q <= windows_d;
    end
    always_comb begin
      windows_d = '0;
      for (int unsigned pixel = 0; pixel < Pixels; pixel++) begin
        for (int unsigned x = 0; x < KernelWidth; x++) begin
          if (kx_q[2*TapBits +: TapBits] == TapBits'(x)) begin
            windows_d[pixel*Bits +: Bits] = columns_q[(FirstBank + x + pixel * StrideWidth) % Banks * Bits +: Bits];
          end
        end
      end
    end
    assign windows = windows_q;
  end

  rf_fifo #(.Bits(Pixels * Bits), .Depth(OutDepth), .Latency(Latency), .Style(OutStyle)) u_out (
    .clk_i, .rst_ni, .claim_i(gives), .room_o(out_room), .write_i(gives_q[Latency-1]), .data_i(windows),
    .valid_o(out_valid_o), .data_o(out_o), .ready_i(out_ready_i)
  );
endmodule
