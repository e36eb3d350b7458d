// Pixels that are computed side by side, output fold by output fold, back in raster order.
//
//   in       beats of Lanes codes: Groups groups a frame, each of Folds * Pixels * Beats beats (fold, pixel, beat)
//   out      the same beats, those of each group as (pixel, fold, beat)
//   cycles   (Groups + 1) groups a frame: a group leaves while the next one comes; a beat arrives Latency cycles after its firing
//   storage  two groups
//   misuse   beats of another fold or number of pixels change their places without a sign; a frame that is short stops it
module rf_raster #(
  parameter int unsigned Groups = 1,
  parameter int unsigned Folds = 2,
  parameter int unsigned Pixels = 2,
  parameter int unsigned Beats = 1,
  parameter int unsigned Lanes = 1,
  parameter int unsigned CodeBits = 1,
  parameter GroupsStyle = "distributed",
  parameter int unsigned OutDepth = 2,
  parameter OutStyle = "distributed",
  localparam int unsigned Bits = Lanes * CodeBits
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  input  logic [Bits-1:0] in_i,
  input  logic            in_valid_i,
  output logic            in_ready_o,
  output logic [Bits-1:0] out_o,
  output logic            out_valid_o,
  input  logic            out_ready_i
);
  localparam int unsigned Latency = 2;
  localparam int unsigned Group = Folds * Pixels * Beats;
  localparam int unsigned WordBits = $clog2(2 * Group);

  if (Folds < 2 || Pixels < 2) begin : gen_refuse
    $error("rf_raster: of one fold, or one pixel, the beats are in raster order");
  end

  // Firings: the first group comes, in the others one comes and one leaves, the last one leaves.
  logic fire, gives, takes, first_group, last_group, group_last, out_room, unused_first;
  logic [1:0] unused_firsts;

  assign takes = !last_group;
  assign gives = !first_group;
  assign fire = (!takes || in_valid_i) && (!gives || out_room);
  assign in_ready_o = fire && takes;

  rf_loop #(.Times(Group)) u_beat_in (.clk_i, .rst_ni, .step_i(fire), .first_o(unused_first), .last_o(group_last));
  rf_loop #(.Times(Groups + 1)) u_group (.clk_i, .rst_ni, .step_i(fire && group_last), .first_o(first_group), .last_o(last_group));

  // Where the beat goes, and where the one that leaves comes from: in the other half.
  logic beat_last, fold_last, second_in_q;
  logic [WordBits-1:0] word_in_q, word_q, first_q;  // first_q: that of the pixel

  rf_loop #(.Times(Beats)) u_beat (.clk_i, .rst_ni, .step_i(fire && gives), .first_o(unused_firsts[0]), .last_o(beat_last));
  rf_loop #(.Times(Folds)) u_fold (.clk_i, .rst_ni, .step_i(fire && gives && beat_last), .first_o(unused_firsts[1]), .last_o(fold_last));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      second_in_q <= 1'b0;
      word_in_q <= '0;
      word_q <= '0;
      first_q <= '0;
    end else if (fire) begin
      word_in_q <= group_last ? (second_in_q ? '0 : WordBits'(Group)) : word_in_q + 1'b1;
      if (group_last) begin
        second_in_q <= !second_in_q;
        first_q <= second_in_q ? WordBits'(Group) : '0;
        word_q <= second_in_q ? WordBits'(Group) : '0;
      end else if (gives && beat_last && fold_last) begin  // the next pixel
        first_q <= first_q + WordBits'(Beats);
        word_q <= first_q + WordBits'(Beats);
      end else if (gives) begin
        word_q <= word_q + (beat_last ? WordBits'((Pixels - 1) * Beats + 1) : WordBits'(1));
      end
    end
  end

  // A beat is read (Folds + Pixels - 1) * Beats firings after it was written, or later.
  logic takes_q;
  logic [Latency-1:0] gives_q;
  logic [WordBits-1:0] word_in_qq;
  logic [Bits-1:0] in_q, word, beat_q;

  always_ff @(posedge clk_i) begin
    takes_q <= fire && takes && rst_ni;
    gives_q <= rst_ni ? {gives_q[Latency-2:0], fire && gives} : '0;
    word_in_qq <= word_in_q;
    in_q <= in_i;
    beat_q <= word;
  end

  rf_ram #(.Words(2 * Group), .Bits(Bits), .Style(GroupsStyle)) u_groups (
    .clk_i, .write_i(takes_q), .write_address_i(word_in_qq), .data_i(in_q), .read_address_i(word_q), .data_o(word)
  );
  rf_fifo #(.Bits(Bits), .Depth(OutDepth), .Latency(Latency), .Style(OutStyle)) u_out (
    .clk_i, .rst_ni, .claim_i(fire && gives), .room_o(out_room), .write_i(gives_q[Latency-1]), .data_i(beat_q),
    .valid_o(out_valid_o), .data_o(out_o), .ready_i(out_ready_i)
  );
endmodule
