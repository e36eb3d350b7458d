// Sliding window generator whose beats have several taps, a row of the kernel or all of it, for any kernel, stride and padding.
//
//   in       beats of Simd codes: pixels in raster order, channels fastest, In/Simd beats a pixel
//   out      beats of Pixels*Taps*Simd codes: windows in raster order, Pixels of them side by side; of rows, (kernel_y, channel), of all
//            taps, (channel): in a beat the same channels of all its taps, pixel by pixel, each (kernel_y, kernel_x, channel)
//   cycles   Fill + OutHeight * Phase + Tail * Delay a frame, see below; a beat arrives Latency cycles after its firing
//   storage  a ring of kernel + stride rows, in a bank for each column modulo Pixels*stride, and where a beat has all taps for each row
//            modulo the kernel's height; the last Delay beats of kernel - stride columns in a delay line
//   misuse   that of rf_swg, whose frames, phases and FIFOs it has
// After the fill, each output row is one phase: the columns of its rows are taken from the ring, step by step, while the rows that the next
// one needs come in, so what is written in a phase is never read in it. No bank is read twice for a window: what a window shares with the
// one before comes out of the delay line. Windows leave when their last column is taken; where that is padding, the columns in front of the
// next row come instead, so the last ones leave after the last phase. Two machines, one of which says what each firing reads, takes and
// writes, the other, Lead groups of columns behind, what of a window is padding; and the ring with its own, rf_ring_columns.
module rf_swg_parallel #(
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
  parameter int unsigned Taps = 9,
  parameter int unsigned InBits = 1,
  parameter logic [In*InBits-1:0] PadCodes = '0,  // what stands outside the image, channel 0 lowest
  parameter RingStyle = "distributed",
  parameter HistoryStyle = "distributed",
  parameter int unsigned OutDepth = 2,
  parameter OutStyle = "distributed",
  localparam int unsigned Bits = Simd * InBits
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,
  input  logic [Bits-1:0]             in_i,
  input  logic                        in_valid_i,
  output logic                        in_ready_o,
  output logic [Pixels*Taps*Bits-1:0] out_o,
  output logic                        out_valid_o,
  input  logic                        out_ready_i
);
  localparam int unsigned OutHeight = (Height + PadTop + PadBottom - KernelHeight) / StrideHeight + 1;
  localparam int unsigned OutWidth = (Width + PadLeft + PadRight - KernelWidth) / StrideWidth + 1;
  localparam int unsigned PixelBeats = In / Simd;
  localparam int unsigned RowBeats = Width * PixelBeats;

  // A step takes Rows rows of Columns columns, some of their channels. Those of a row are shifted so that each group of windows ends with
  // such a group of columns; Lead of them are in front of the first.
  localparam int unsigned Rows = Taps == KernelHeight * KernelWidth ? KernelHeight : 1;
  localparam int unsigned Columns = Pixels * StrideWidth;
  localparam int unsigned Span = (Pixels - 1) * StrideWidth + KernelWidth;  // columns of a group of windows
  localparam int unsigned New = Span < Columns ? Span : Columns;  // of these, in the group of columns with which it ends
  localparam int unsigned Again = KernelWidth > StrideWidth ? KernelWidth - StrideWidth : 0;  // of these, columns of the group before
  localparam int unsigned Kernels = KernelHeight / Rows;  // steps for the rows of a window
  localparam int unsigned Delay = Kernels * PixelBeats;  // steps from one group of columns to the next
  localparam int unsigned Groups = OutWidth / Pixels;  // of windows in a row
  localparam int unsigned Lead = Span > PadLeft + Columns ? (Span - PadLeft - 1) / Columns : 0;
  localparam int unsigned Shift = (Lead + 1) * Columns + PadLeft - Span;
  localparam int unsigned RowWords = (Width + Shift + Columns - 1) / Columns;  // groups of columns with one of the image
  localparam int unsigned Wanted = RowWords < Groups + Lead ? RowWords : Groups + Lead;
  localparam int unsigned Words = Groups > Wanted ? Groups : Wanted;  // groups of columns, or of windows, in a phase
  localparam int unsigned Tail = Lead + Groups - Words;  // of windows after the last phase

  localparam int unsigned FillRows = KernelHeight - PadTop < Height ? KernelHeight - PadTop : Height;
  localparam int unsigned Fill = FillRows * RowBeats;
  localparam int unsigned Settle = RowWords * PixelBeats == 1 ? 1 : 0;  // a cycle of the HLS library's: a lone word reaches its RAM
  localparam int unsigned Reads = StrideHeight * RowBeats;  // of a phase
  localparam int unsigned Steps = Words * Delay;  // of a phase
  localparam int unsigned Phase = Reads + Settle > Steps ? Reads + Settle : Steps;

  localparam int unsigned GroupBits = rf_pkg::index_bits(Words);
  localparam int unsigned RowBits = rf_pkg::index_bits(OutHeight);
  localparam int unsigned KernelBits = rf_pkg::index_bits(Kernels);
  localparam int unsigned Taken = StrideHeight % Rows == 0 ? 2 : 3;  // cycles from a firing to its columns: address, ring, rotation
  localparam int unsigned Latency = Taken + 1;

  if (In % Simd != 0 || OutWidth % Pixels != 0) begin : gen_refuse_fold
    $error("rf_swg_parallel: Simd has to divide In, and Pixels the output width");
  end
  if (Taps != KernelWidth && Taps != KernelHeight * KernelWidth) begin : gen_refuse_taps
    $error("rf_swg_parallel: a beat has a row of the kernel, or all of it");
  end
  if (PadTop >= KernelHeight || PadLeft >= KernelWidth || KernelHeight > Height + PadTop + PadBottom
      || KernelWidth > Width + PadLeft + PadRight) begin : gen_refuse_pad
    $error("rf_swg_parallel: a window has to see the image, and to fit into it with its padding");
  end

  // What the next firing reads, takes and writes, found out a firing ahead.
  logic fire, advance, have_q, reads_q, seeks_q, steps_q, writes_q, out_room;
  logic filling_q, ending_q, taken_q, sliding, reads, seeks, steps, writes, led, complete, begin_n;
  logic fill_last, phase_last, rows_last, tail_last, frame_last, read_due, step_due, beats_last;
  logic [4:0] unused_first;

  assign fire = have_q && (!reads_q || in_valid_i) && (!writes_q || out_room);
  assign in_ready_o = fire && reads_q;
  assign advance = fire || !have_q;
  assign sliding = !filling_q && !ending_q;
  assign reads = filling_q ? !(Settle == 1 && fill_last) : sliding && !(Settle == 1 && phase_last) && read_due && !taken_q;
  assign seeks = sliding && step_due;
  assign steps = seeks || ending_q;
  assign writes = steps && led && complete;
  assign frame_last = Tail == 0 ? sliding && phase_last && rows_last : ending_q && tail_last;
  assign begin_n = rst_ni && !(advance && frame_last);

  rf_loop #(.Times(Fill + Settle)) u_fill (
    .clk_i, .rst_ni, .step_i(advance && filling_q), .first_o(unused_first[0]), .last_o(fill_last)
  );
  rf_loop #(.Times(Phase)) u_step (.clk_i, .rst_ni, .step_i(advance && sliding), .first_o(unused_first[1]), .last_o(phase_last));
  rf_loop #(.Times(OutHeight)) u_rows (
    .clk_i, .rst_ni, .step_i(advance && sliding && phase_last), .first_o(unused_first[2]), .last_o(rows_last)
  );
  rf_loop #(.Times(Tail > 0 ? Tail * Delay : 1)) u_tail (
    .clk_i, .rst_ni, .step_i(advance && ending_q), .first_o(unused_first[3]), .last_o(tail_last)
  );
  rf_loop #(.Times(Height * RowBeats)) u_beats (
    .clk_i, .rst_ni, .step_i(advance && reads), .first_o(unused_first[4]), .last_o(beats_last)
  );
  rf_spread #(.Of(Phase - Settle), .Times(Reads)) u_read_due (
    .clk_i, .rst_ni, .step_i(advance && sliding && !(Settle == 1 && phase_last)), .due_o(read_due)
  );
  rf_spread #(.Of(Phase), .Times(Steps)) u_step_due (.clk_i, .rst_ni, .step_i(advance && sliding), .due_o(step_due));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      have_q <= 1'b0;
      filling_q <= 1'b1;
      ending_q <= 1'b0;
      taken_q <= 1'b0;
    end else begin
      have_q <= 1'b1;
      if (advance) begin
        filling_q <= filling_q ? !fill_last : frame_last;
        ending_q <= Tail > 0 && (ending_q ? !tail_last : sliding && phase_last && rows_last);
        taken_q <= !frame_last && (taken_q || (reads && beats_last));
      end
    end
    if (advance) begin
      reads_q <= reads;
      seeks_q <= seeks;
      steps_q <= steps;
      writes_q <= writes;
    end
  end

  // What leaves with a step, Lead groups of columns behind: which group of windows, and what of it is inside the image.
  logic gives, part_out_last, kernel_out_last, group_out_last, unused_row_out_last;
  logic [KernelBits-1:0] kernel_out;
  logic [GroupBits-1:0] group_out;
  logic [RowBits-1:0] row_out;
  logic unused_part_out_first;
  logic [KernelHeight-1:0] rows_inside;
  logic [Rows-1:0] rows_inside_taken, rows_inside_q;
  logic [Span-1:0] columns_inside, columns_inside_q;

  if (Lead == 0) begin : gen_no_lead
    assign led = 1'b1;
  end else begin : gen_lead
    logic led_q, lead_last, unused_lead_first;
    rf_loop #(.Times(Lead * Delay)) u_lead (
      .clk_i, .rst_ni, .step_i(advance && steps && !led_q), .first_o(unused_lead_first), .last_o(lead_last)
    );
    always_ff @(posedge clk_i) begin
      if (!begin_n) led_q <= 1'b0;
      else if (advance && steps && lead_last) led_q <= 1'b1;
    end
    assign led = led_q;
  end

  assign gives = advance && steps && led;
  rf_inside #(.Last(Words - 1), .Step(1), .Pad(0), .Size(Groups)) u_complete (.index_i(group_out), .inside_o(complete));
  rf_loop #(.Times(PixelBeats)) u_part_out (
    .clk_i, .rst_ni, .step_i(gives), .first_o(unused_part_out_first), .last_o(part_out_last)
  );
  rf_counter #(.Last(Kernels - 1)) u_kernel_out (
    .clk_i, .rst_ni, .step_i(gives && part_out_last), .count_o(kernel_out), .last_o(kernel_out_last)
  );
  rf_counter #(.Last(Words - 1)) u_group_out (
    .clk_i, .rst_ni(begin_n), .step_i(gives && part_out_last && kernel_out_last), .count_o(group_out), .last_o(group_out_last)
  );
  rf_counter #(.Last(OutHeight - 1)) u_row_out (
    .clk_i, .rst_ni(begin_n), .step_i(gives && part_out_last && kernel_out_last && group_out_last), .count_o(row_out),
    .last_o(unused_row_out_last)
  );

  for (genvar y = 0; y < KernelHeight; y++) begin : gen_row_inside
    rf_inside #(.Last(OutHeight - 1), .Step(StrideHeight), .Tap(y), .Pad(PadTop), .Size(Height)) u_inside (
      .index_i(row_out), .inside_o(rows_inside[y])
    );
  end
  for (genvar x = 0; x < Span; x++) begin : gen_column_inside
    rf_inside #(.Last(Words - 1), .Step(Columns), .Tap(x), .Pad(PadLeft), .Size(Width)) u_inside (
      .index_i(group_out), .inside_o(columns_inside[x])
    );
  end
  if (Rows == KernelHeight) begin : gen_all_rows
    logic unused;
    assign unused = &{kernel_out};
    assign rows_inside_taken = rows_inside;
  end else begin : gen_one_row
    assign rows_inside_taken = rows_inside[kernel_out];
  end

  always_ff @(posedge clk_i) begin
    if (advance) begin
      rows_inside_q <= rows_inside_taken;
      columns_inside_q <= columns_inside;
    end
  end

  logic [Latency-1:0] writes_qq;
  logic [Span*Rows*Bits-1:0] seen;  // columns, the group's last one lowest, of each its rows

  always_ff @(posedge clk_i) writes_qq <= rst_ni ? {writes_qq[Latency-2:0], fire && writes_q} : '0;

  rf_ring_columns #(
    .Height(Height), .Width(Width), .KernelHeight(KernelHeight), .StrideHeight(StrideHeight), .PadTop(PadTop), .OutHeight(OutHeight),
    .PixelBeats(PixelBeats), .Rows(Rows), .Columns(Columns), .Shift(Shift), .RowWords(RowWords), .Words(Words), .New(New), .Bits(Bits),
    .Style(RingStyle)
  ) u_columns (
    .clk_i, .rst_ni, .take_i(fire && reads_q), .data_i(in_i), .step_i(fire && seeks_q), .columns_o(seen[New*Rows*Bits-1:0])
  );
  if (Again == 0) begin : gen_anew
    logic unused;
    assign unused = &{steps_q};
  end else begin : gen_history
    logic [Taken-1:0] steps_qq;
    always_ff @(posedge clk_i) steps_qq <= rst_ni ? {steps_qq[Taken-2:0], fire && steps_q} : '0;
    rf_delay #(.Steps(Delay), .Bits(Again * Rows * Bits), .Style(HistoryStyle)) u_history (
      .clk_i, .rst_ni, .step_i(steps_qq[Taken-1]), .in_i(seen[Again*Rows*Bits-1:0]), .out_o(seen[Span*Rows*Bits-1:Columns*Rows*Bits])
    );
  end

  // The codes of the padding, beat by beat where they are not the same in all of a pixel, whose beats leave one after the other.
  logic [Bits-1:0] pad_codes;

  if ((PadCodes ^ PadCodes >> Bits) << Bits == '0) begin : gen_same_pads
    assign pad_codes = PadCodes[Bits-1:0];
  end else begin : gen_pads
    localparam int unsigned BeatBits = rf_pkg::index_bits(PixelBeats);
    logic [BeatBits-1:0] beat;
    logic [Bits-1:0] pad_codes_q;
    logic unused_last;
    rf_counter #(.Last(PixelBeats - 1)) u_beat_out (
      .clk_i, .rst_ni, .step_i(writes_qq[Taken-2]), .count_o(beat), .last_o(unused_last)
    );
    always_ff @(posedge clk_i) pad_codes_q <= PadCodes[32'(beat)*Bits +: Bits];
    assign pad_codes = pad_codes_q;
  end

  // The windows, whose padding is the set and reset of their registers.
  logic [Taken*Rows-1:0] rows_inside_qq;
  logic [Taken*Span-1:0] columns_inside_qq;
  logic [Pixels*Taps*Bits-1:0] windows_q;

  always_ff @(posedge clk_i) begin
    rows_inside_qq <= (Taken * Rows)'({rows_inside_qq, rows_inside_q});
    columns_inside_qq <= (Taken * Span)'({columns_inside_qq, columns_inside_q});
  end
  for (genvar i = 0; i < Pixels * Taps; i++) begin : gen_taps
    localparam int unsigned Y = i % Taps / KernelWidth;
    localparam int unsigned X = i / Taps * StrideWidth + i % KernelWidth;
    logic is_inside;
    assign is_inside = rows_inside_qq[(Taken-1)*Rows+Y] && columns_inside_qq[(Taken-1)*Span+X];
    always_ff @(posedge clk_i) windows_q[i*Bits +: Bits] <= is_inside ? seen[((Span-1-X)*Rows+Y)*Bits +: Bits] : pad_codes;
  end

  rf_fifo #(.Bits(Pixels * Taps * Bits), .Depth(OutDepth), .Latency(Latency), .Style(OutStyle)) u_out (
    .clk_i, .rst_ni, .claim_i(fire && writes_q), .room_o(out_room), .write_i(writes_qq[Latency-1]), .data_i(windows_q),
    .valid_o(out_valid_o), .data_o(out_o), .ready_i(out_ready_i)
  );
endmodule
