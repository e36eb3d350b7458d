// Search: values to codes, each channel with its own thresholds, which ascend. A code is found bit by bit, from the top one down: whether a
// value reaches the threshold in the middle of those that are left.
//
//   in       beats of Simd values of Beside pixels, one pixel behind the other, in the order of rf_row_of_beat
//   out      as many codes, in the same order
//   cycles   In/Simd for every Beside pixels; a beat arrives Latency cycles after it was read
//   storage  for step k 2**k thresholds for every Simd channels: of step 0 a row for all lanes, in LevelsFile0.mem, then a ROM for each
//            lane, in LevelsFile<k>_<lane>.mem, of the middle ones in ascending order
//   misuse   a frame whose pixels are not In channels meets the thresholds of other channels; values have at most LevelsBits bits, their
//            sign included, whatever InBits is; thresholds that do not ascend give wrong codes without a sign
// Where constants are loaded, Firings says how often it fires a frame, and constants_* are those of rf_loader.
module rf_search #(
  parameter int unsigned In = 1,
  parameter int unsigned Simd = 1,
  parameter int unsigned Block = 1,
  parameter int unsigned Repeats = 1,
  parameter int unsigned Beside = 1,
  parameter int unsigned InBits = 2,
  parameter bit InSigned = 1'b0,
  parameter int unsigned OutBits = 1,
  parameter bit OutSigned = 1'b0,
  parameter int unsigned LevelsBits = 3,
  parameter logic [7:0] LevelsBlock = 8'b0,
  parameter logic [7:0] LevelsUltra = 8'b0,
  parameter LevelsFile = "",
  parameter int unsigned OutDepth = 2,
  parameter OutStyle = "distributed",
  parameter int unsigned Firings = 0,  // of a frame, where constants are loaded
  parameter int unsigned ConstantsDepth = 0,
  parameter ConstantsStyle = "distributed",
  localparam int unsigned Lanes = Beside * Simd
) (
  input  logic                     clk_i,
  input  logic                     rst_ni,
  input  logic [Lanes*InBits-1:0]  in_i,
  input  logic                     in_valid_i,
  output logic                     in_ready_o,
  output logic [Lanes*OutBits-1:0] out_o,
  output logic                     out_valid_o,
  input  logic                     out_ready_i,
  input  logic [63:0]              constants_i,
  input  logic                     constants_valid_i,
  output logic                     constants_ready_o,
  output logic [63:0]              constants_o,
  output logic                     constants_valid_o,
  input  logic                     constants_ready_i
);
  localparam int unsigned Rows = In / Simd;
  localparam int unsigned RowBits = rf_pkg::index_bits(Rows);
  localparam int unsigned BeatBits = Lanes * LevelsBits;
  localparam int unsigned RomLatency = 2;
  localparam int unsigned Searched = RomLatency * OutBits;  // cycles until the last threshold is there
  localparam int unsigned Latency = Searched + 1;
  localparam int unsigned LoadBits = rf_pkg::load_bits(BeatBits, 0);
  localparam logic [OutBits-1:0] Lowest = OutBits'(OutSigned) << (OutBits - 1);  // code: to add it is to invert the top bit

  if (In % Simd != 0) begin : gen_refuse
    $error("rf_search: Simd has to divide In");
  end

  // What is loaded: a row for all lanes of one pixel, then of all pixels.
  function automatic logic [OutBits*32-1:0] rows_of_levels();
    for (int unsigned step = 0; step < OutBits; step++) rows_of_levels[step*32 +: 32] = 32'(Rows * 2**step);
  endfunction

  function automatic logic [OutBits*32-1:0] bits_of_levels();
    for (int unsigned step = 0; step < OutBits; step++) bits_of_levels[step*32 +: 32] = 32'((step == 0 ? Simd : Lanes) * LevelsBits);
  endfunction

  logic fire, out_room, unused_rows;
  logic [Latency-1:0] valid_q;
  logic [RowBits-1:0] row_of_beat;
  logic [Simd*LevelsBits-1:0] middle;
  logic [BeatBits-1:0] values;
  logic [Lanes*OutBits-1:0] codes_q;
  // What was read in each of the cycles before, the last one lowest, and the rows that it meets.
  logic [Searched*BeatBits-1:0] values_q;
  logic [Searched*RowBits-1:0] rows_q;

  logic open;
  logic [OutBits-1:0] load_write;
  logic [31:0] load_address;
  logic [LoadBits-1:0] load_row;

  assign fire = in_valid_i && out_room && open;
  assign in_ready_o = fire;

  rf_loader #(
    .Firings(Firings), .Drain(Latency), .Memories(OutBits), .Rows(rows_of_levels()), .RowBits(bits_of_levels()),
    .LoadBits(LoadBits), .Depth(ConstantsDepth), .Style(ConstantsStyle)
  ) u_loader (
    .clk_i, .rst_ni, .constants_i, .constants_valid_i, .constants_ready_o, .constants_o, .constants_valid_o, .constants_ready_i,
    .open_o(open), .fire_i(fire), .write_o(load_write), .address_o(load_address), .row_o(load_row)
  );
  rf_row_of_beat #(.Rows(Rows), .Block(Block), .Repeats(Repeats)) u_row (.clk_i, .rst_ni, .step_i(fire), .row_o(row_of_beat));
  rf_constants #(
    .Words(Rows), .Bits(Simd * LevelsBits), .Block(LevelsBlock[0]), .File({LevelsFile, "0.mem"}),
    .Loaded(Firings > 0), .Ultra(LevelsUltra[0]), .LoadBits(LoadBits)
  ) u_middle (
    .clk_i, .load_write_i(load_write[0]), .load_address_i(load_address), .load_row_i(load_row),
    .address_i(row_of_beat), .row_o(middle)
  );

  assign unused_rows = &{rows_q};  // those of the last step

  always_ff @(posedge clk_i) begin
    valid_q <= rst_ni ? {valid_q[Latency-2:0], fire} : '0;
    values_q <= {values_q[(Searched-1)*BeatBits-1:0], values};
    rows_q <= {rows_q[(Searched-1)*RowBits-1:0], row_of_beat};
  end

  for (genvar lane = 0; lane < Lanes; lane++) begin : gen_lane
    logic [InBits-1:0] value;
    logic unused;

    assign value = in_i[lane*InBits +: InBits];
    assign values[lane*LevelsBits +: LevelsBits] = InSigned ? LevelsBits'(signed'(value)) : LevelsBits'(value);
    assign unused = &{value};

    for (genvar step = 0; step < OutBits; step++) begin : gen_step
      localparam int unsigned Cycle = RomLatency * (step + 1);
      logic [LevelsBits-1:0] threshold;
      logic [step:0] so_far;  // the bits of the steps before, and of this one
      logic reached;

      assign reached = signed'(values_q[(Cycle-1)*BeatBits+lane*LevelsBits +: LevelsBits]) >= signed'(threshold);
      if (step == 0) begin : gen_first
        assign threshold = middle[lane%Simd*LevelsBits +: LevelsBits];
        assign so_far = reached;
      end else begin : gen_more
        localparam int unsigned Words = Rows * 2**step;
        localparam int unsigned AddressBits = rf_pkg::index_bits(Words);
        logic [step-1:0] before_q, before_qq;
        rf_constants #(
          .Words(Words), .Bits(LevelsBits), .Block(LevelsBlock[step]),
          .File({LevelsFile, 8'(48 + step), "_", rf_pkg::digits(lane), ".mem"}),
          .Loaded(Firings > 0), .Ultra(LevelsUltra[step]), .RowBits(BeatBits), .First(lane * LevelsBits), .LoadBits(LoadBits)
        ) u_thresholds (
          .clk_i, .load_write_i(load_write[step]), .load_address_i(load_address), .load_row_i(load_row),
          .address_i(AddressBits'({rows_q[(Cycle-RomLatency-1)*RowBits +: RowBits], gen_step[step-1].so_far})), .row_o(threshold)
        );
        always_ff @(posedge clk_i) begin
          before_q <= gen_step[step-1].so_far;
          before_qq <= before_q;
        end
        assign so_far = {before_qq, reached};
      end
    end
    always_ff @(posedge clk_i) codes_q[lane*OutBits +: OutBits] <= gen_step[OutBits-1].so_far ^ Lowest;
  end

  rf_fifo #(.Bits(Lanes * OutBits), .Depth(OutDepth), .Latency(Latency), .Style(OutStyle)) u_out (
    .clk_i, .rst_ni, .claim_i(fire), .room_o(out_room), .write_i(valid_q[Latency-1]), .data_i(codes_q),
    .valid_o(out_valid_o), .data_o(out_o), .ready_i(out_ready_i)
  );
endmodule
