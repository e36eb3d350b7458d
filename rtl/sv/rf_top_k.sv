// The labels of the largest scores, best first; of equal scores the lower label comes first.
//
//   in       beats of one score: Classes a frame, in the order of the labels
//   out      beats of one label of 32 bits: Top a frame
//   cycles   Classes + Top a frame; a label arrives two cycles after its firing
//   storage  Top scores and labels in registers: see rf_ranking
//   misuse   fewer than Classes scores a frame keep it waiting; more shift every label after; more labels than classes are refused by
//            $error
module rf_top_k #(
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

  if (Top > Classes) begin : gen_refuse
    $error("rf_top_k: there are only Classes labels to send");
  end

  // Firings: all scores come in, then the labels go out.
  logic fire, sends_q, last_class, unused_first_label, last_label, out_room;
  logic [LabelBits-1:0] label;

  assign fire = sends_q ? out_room : in_valid_i;
  assign in_ready_o = fire && !sends_q;

  rf_counter #(.Last(Classes - 1)) u_class (.clk_i, .rst_ni, .step_i(fire && !sends_q), .count_o(label), .last_o(last_class));
  rf_loop #(.Times(Top)) u_labels (.clk_i, .rst_ni, .step_i(fire && sends_q), .first_o(unused_first_label), .last_o(last_label));

  logic [ScoreBits:0] score_q, unused_score;  // with a sign, whether or not scores have one
  logic [LabelBits-1:0] label_q, best, best_q;
  logic takes_q, gives_q, write_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) sends_q <= 1'b0;
    else if (fire) sends_q <= sends_q ? !last_label : last_class;
    takes_q <= fire && !sends_q && rst_ni;
    gives_q <= fire && sends_q && rst_ni;
    write_q <= gives_q && rst_ni;
    score_q <= {ScoreSigned && in_i[ScoreBits-1], in_i};
    label_q <= label;
    best_q <= best;
  end

  rf_ranking #(.Top(Top), .ScoreBits(ScoreBits + 1), .LabelBits(LabelBits)) u_ranking (
    .clk_i, .rst_ni, .take_i(takes_q), .score_i(score_q), .label_i(label_q), .drop_label_i(gives_q), .drop_score_i(1'b0),
    .label_o(best), .score_o(unused_score)
  );
  rf_fifo #(.Bits(32), .Depth(OutDepth), .Latency(Latency), .Style(OutStyle)) u_out (
    .clk_i, .rst_ni, .claim_i(fire && sends_q), .room_o(out_room), .write_i(write_q), .data_i(32'(best_q)),
    .valid_o(out_valid_o), .data_o(out_o), .ready_i(out_ready_i)
  );
endmodule
