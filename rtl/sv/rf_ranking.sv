// The largest scores and their labels, best first; of equal scores the one that came first is the better.
//
//   take_i         score_i, two's complement, and label_i are one more
//   drop_label_i   label_o goes; the next best follows, and behind the last one 0. Whatever is taken next begins a new ranking
//   drop_score_i   the same of score_o
//   label_o        the best label that is left
//   score_o        the best score that is left
//   storage        Top scores and labels in registers, sorted: a score that is larger moves those it overtakes one place down
//   misuse         fewer than Top scores: of the places that were never filled anything
module rf_ranking #(
  parameter int unsigned Top = 1,
  parameter int unsigned ScoreBits = 8,
  parameter int unsigned LabelBits = 1
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic                 take_i,
  input  logic [ScoreBits-1:0] score_i,
  input  logic [LabelBits-1:0] label_i,
  input  logic                 drop_label_i,
  input  logic                 drop_score_i,
  output logic [LabelBits-1:0] label_o,
  output logic [ScoreBits-1:0] score_o
);
  logic [Top*ScoreBits-1:0] scores_q;  // the best lowest
  logic [Top*LabelBits-1:0] labels_q;
  logic [Top-1:0] filled_q, overtakes;

  assign label_o = labels_q[LabelBits-1:0];
  assign score_o = scores_q[ScoreBits-1:0];

  for (genvar place = 0; place < Top; place++) begin : gen_place
    assign overtakes[place] = !filled_q[place] || signed'(score_i) > signed'(scores_q[place*ScoreBits +: ScoreBits]);
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || drop_label_i) filled_q <= '0;
    else if (take_i) filled_q <= Top'({filled_q, 1'b1});
    for (int unsigned place = 0; place < Top; place++) begin
      if (take_i && overtakes[place]) begin
        if (place > 0 && overtakes[place > 0 ? place - 1 : 0]) begin
          scores_q[place*ScoreBits +: ScoreBits] <= scores_q[(place > 0 ? place - 1 : 0)*ScoreBits +: ScoreBits];
          labels_q[place*LabelBits +: LabelBits] <= labels_q[(place > 0 ? place - 1 : 0)*LabelBits +: LabelBits];
        end else begin
          scores_q[place*ScoreBits +: ScoreBits] <= score_i;
          labels_q[place*LabelBits +: LabelBits] <= label_i;
        end
      end
    end
    if (drop_label_i) labels_q <= labels_q >> LabelBits;
    if (drop_score_i) scores_q <= scores_q >> ScoreBits;
  end
endmodule
