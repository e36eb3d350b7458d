// The labels of the largest scores, best first; of equal scores the lower label comes first.
//
//   in       beats of one score: Classes a frame, in the order of the labels
//   out      beats of one label of 32 bits: Top a frame
//   cycles   Classes + Top a frame; a label arrives two cycles after its firing
//   storage  Top scores and labels in registers, sorted: a score that is larger moves those it overtakes one place down
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

  logic signed [ScoreBits:0] score_q;  // with a sign, whether or not scores have one
  logic [LabelBits-1:0] label_q, best_q;
  logic takes_q, gives_q, write_q;
  logic [Top*(ScoreBits+1)-1:0] scores_q;  // the best lowest
  logic [Top*LabelBits-1:0] labels_q;
  logic [Top-1:0] filled_q, overtakes;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) sends_q <= 1'b0;
    else if (fire) sends_q <= sends_q ? !last_label : last_class;
    takes_q <= fire && !sends_q && rst_ni;
    gives_q <= fire && sends_q && rst_ni;
    write_q <= gives_q && rst_ni;
    score_q <= signed'({ScoreSigned && in_i[ScoreBits-1], in_i});
    label_q <= label;
    best_q <= labels_q[LabelBits-1:0];
  end

  for (genvar place = 0; place < Top; place++) begin : gen_place
    assign overtakes[place] = !filled_q[place] || score_q > signed'(scores_q[place*(ScoreBits+1) +: ScoreBits+1]);
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || gives_q) filled_q <= '0;
    else if (takes_q) filled_q <= Top'({filled_q, 1'b1});
    for (int unsigned place = 0; place < Top; place++) begin
      if (takes_q && overtakes[place]) begin
        if (place > 0 && overtakes[place > 0 ? place - 1 : 0]) begin
          scores_q[place*(ScoreBits+1) +: ScoreBits+1] <= scores_q[(place > 0 ? place - 1 : 0)*(ScoreBits+1) +: ScoreBits+1];
          labels_q[place*LabelBits +: LabelBits] <= labels_q[(place > 0 ? place - 1 : 0)*LabelBits +: LabelBits];
        end else begin
          scores_q[place*(ScoreBits+1) +: ScoreBits+1] <= score_q;
          labels_q[place*LabelBits +: LabelBits] <= label_q;
        end
      end
    end
    if (gives_q) labels_q <= labels_q >> LabelBits;
  end

  rf_fifo #(.Bits(32), .Depth(OutDepth), .Latency(Latency), .Style(OutStyle)) u_out (
    .clk_i, .rst_ni, .claim_i(fire && sends_q), .room_o(out_room), .write_i(write_q), .data_i(32'(best_q)),
    .valid_o(out_valid_o), .data_o(out_o), .ready_i(out_ready_i)
  );
endmodule
