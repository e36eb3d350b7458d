// The labels of the largest scores, and these scores, best first; of equal scores the lower label comes first.
//
//   in       beats of one score: Classes a frame, in the order of the labels
//   out      beats of 32 bits, Words a frame: Top labels; where scores are wider than a word and Top is odd, a word of zeros; Top scores in
//            two's complement, of one word, or of two, the low one first
//   cycles   Classes + Words a frame; a word arrives two cycles after its firing
//   storage  Top scores and labels in registers: see rf_ranking
//   misuse   fewer than Classes scores a frame keep it waiting; more shift every label after; more labels than classes are refused by
//            $error, and scores of more than 64 bits
module rf_top_k_scores #(
  parameter int unsigned Classes = 2,
  parameter int unsigned Top = 1,
  parameter int unsigned ScoreBits = 8,
  parameter bit ScoreSigned = 1'b1,
  parameter int unsigned OutDepth = 2,
  parameter OutStyle = "distributed"
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic [ScoreBits-1:0] in_i,
  input  logic                 in_valid_i,
  output logic                 in_ready_o,
  output logic [31:0]          out_o,
  output logic                 out_valid_o,
  input  logic                 out_ready_i
);
  localparam int unsigned Latency = 2;
  localparam int unsigned LabelBits = rf_pkg::index_bits(Classes);
  localparam int unsigned ScoreWords = ScoreBits > 32 ? 2 : 1;
  localparam int unsigned FirstScore = (Top + ScoreWords - 1) / ScoreWords * ScoreWords;

  if (Top > Classes || ScoreBits > 64) begin : gen_refuse
    $error("rf_top_k_scores: there are only Classes labels to send, and only 64 bits for a score");
  end

  // Firings: all scores come in, the labels go out, then their scores.
  logic fire, sends_q, scores_turn_q, last_class, last_label, last_score, last_word;
  logic gives_label, gives_score, out_room;
  logic [2:0] unused_first;
  logic [LabelBits-1:0] label;

  assign fire = sends_q ? out_room : in_valid_i;
  assign in_ready_o = fire && !sends_q;
  assign gives_label = fire && sends_q && !scores_turn_q;
  assign gives_score = fire && sends_q && scores_turn_q;

  rf_counter #(.Last(Classes - 1)) u_class (.clk_i, .rst_ni, .step_i(fire && !sends_q), .count_o(label), .last_o(last_class));
  rf_loop #(.Times(FirstScore)) u_labels (.clk_i, .rst_ni, .step_i(gives_label), .first_o(unused_first[0]), .last_o(last_label));
  rf_loop #(.Times(ScoreWords)) u_words (.clk_i, .rst_ni, .step_i(gives_score), .first_o(unused_first[1]), .last_o(last_word));
  rf_loop #(.Times(Top)) u_scores (.clk_i, .rst_ni, .step_i(gives_score && last_word), .first_o(unused_first[2]), .last_o(last_score));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      sends_q <= 1'b0;
      scores_turn_q <= 1'b0;
    end else begin
      if (fire) sends_q <= sends_q ? !(scores_turn_q && last_score && last_word) : last_class;
      if (gives_label) scores_turn_q <= last_label;
      else if (gives_score) scores_turn_q <= !(last_score && last_word);
    end
  end

  logic [ScoreBits:0] score_q, best_score;  // with a sign, whether or not scores have one
  logic [LabelBits-1:0] label_q, best_label;
  logic [32*ScoreWords-1:0] best_words;
  logic [31:0] word, word_q;
  logic takes_q, gives_label_q, gives_score_q, last_word_q, write_q, unused;

  if (ScoreWords == 2) begin : gen_two_words
    assign word = !gives_score_q ? 32'(best_label) : last_word_q ? best_words[63:32] : best_words[31:0];
  end else begin : gen_one_word
    assign word = !gives_score_q ? 32'(best_label) : best_words;
  end
  assign best_words = (32 * ScoreWords)'(signed'(best_score));
  assign unused = best_score[ScoreBits];

  always_ff @(posedge clk_i) begin
    takes_q <= fire && !sends_q && rst_ni;
    gives_label_q <= gives_label && rst_ni;
    gives_score_q <= gives_score && rst_ni;
    last_word_q <= last_word;
    write_q <= (gives_label_q || gives_score_q) && rst_ni;
    score_q <= {ScoreSigned && in_i[ScoreBits-1], in_i};
    label_q <= label;
    word_q <= word;
  end

  rf_ranking #(.Top(Top), .ScoreBits(ScoreBits + 1), .LabelBits(LabelBits)) u_ranking (
    .clk_i, .rst_ni, .take_i(takes_q), .score_i(score_q), .label_i(label_q), .drop_label_i(gives_label_q),
    .drop_score_i(gives_score_q && last_word_q), .label_o(best_label), .score_o(best_score)
  );
  rf_fifo #(.Bits(32), .Depth(OutDepth), .Latency(Latency), .Style(OutStyle)) u_out (
    .clk_i, .rst_ni, .claim_i(fire && sends_q), .room_o(out_room), .write_i(write_q), .data_i(word_q),
    .valid_o(out_valid_o), .data_o(out_o), .ready_i(out_ready_i)
  );
endmodule
