// Where the constants of a unit come from while it runs: its place in the chain, and the rows of its memories.
//
//   constants  in and out, messages of words of 64 bits: a header, and what it announces.
//              Header 0 is a frame. The unit may fire Firings times, and the 0 goes on.
//              Header N is N words of constants: the unit takes its own, and passes on what is left of N, and the other words
//   open_o     a register: the unit may fire
//   fire_i     it does
//   row_o      the last words, the newest highest. With write_o they are row address_o of one of the Memories, of Rows rows of RowBits bits
//              each, which are loaded one after the other
//   cycles     one for a header; of constants then Drain in which nothing is taken, since those before may still be read, and one a word.
//              A row is in its memory two cycles after its last word was taken
//   storage    the words of the longest row but its last, in registers; a FIFO of Depth words to the next unit, none behind the last one
//   misuse     constants of another length: a header is then taken for a word, or a word for a header
// Of a header the lowest 32 bits count. Where Firings is 0 constants are in ROM: there is no chain, and the unit may always fire.
module rf_loader #(
  parameter int unsigned Firings = 0,
  parameter int unsigned Drain = 1,
  parameter int unsigned Memories = 1,
  parameter logic [Memories*32-1:0] Rows = {Memories{32'd1}},
  parameter logic [Memories*32-1:0] RowBits = {Memories{32'd1}},
  parameter int unsigned LoadBits = 64,  // of the longest row, in whole words
  parameter int unsigned Depth = 2,
  parameter Style = "distributed"
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic [63:0]         constants_i,
  input  logic                constants_valid_i,
  output logic                constants_ready_o,
  output logic [63:0]         constants_o,
  output logic                constants_valid_o,
  input  logic                constants_ready_i,
  output logic                open_o,
  input  logic                fire_i,
  output logic [Memories-1:0] write_o,
  output logic [31:0]         address_o,
  output logic [LoadBits-1:0] row_o
);
  function automatic int unsigned words_of_all();
    words_of_all = 0;
    for (int unsigned k = 0; k < Memories; k++) words_of_all = words_of_all + Rows[k*32 +: 32] * rf_pkg::chain_words(RowBits[k*32 +: 32]);
  endfunction

  function automatic int unsigned most_rows();
    most_rows = 1;
    for (int unsigned k = 0; k < Memories; k++) if (Rows[k*32 +: 32] > most_rows) most_rows = Rows[k*32 +: 32];
  endfunction

  if (Firings == 0) begin : gen_rom
    logic unused;
    assign unused = &{clk_i, rst_ni, constants_i, constants_valid_i, constants_ready_i, fire_i};
    assign constants_ready_o = 1'b0;
    assign constants_o = '0;
    assign constants_valid_o = 1'b0;
    assign open_o = 1'b1;
    assign write_o = '0;
    assign address_o = '0;
    assign row_o = LoadBits'(1'b0);
  end else begin : gen_chain
    localparam int unsigned Words = words_of_all();
    localparam int unsigned WordBits = rf_pkg::index_bits(LoadBits / 64);
    localparam int unsigned AddressBits = rf_pkg::index_bits(most_rows());

    // What comes next: a header; nothing, while constants are still read; the unit's own words; the words of the units behind.
    logic header_q, drain_q, own_q, rest_q;
    logic take, room, last_firing, last_drain, last_own, last_rest_q;
    logic is_frame;
    logic [31:0] behind, left_q;
    logic [rf_pkg::index_bits(Firings)-1:0] unused_firing;
    logic [rf_pkg::index_bits(Drain)-1:0] unused_drain;
    logic [rf_pkg::index_bits(Words)-1:0] unused_own;

    assign take = constants_valid_i && (own_q || (room && (header_q || rest_q)));
    assign constants_ready_o = take;
    assign is_frame = constants_i[31:0] == '0;
    assign behind = constants_i[31:0] - Words;

    rf_counter #(.Last(Firings - 1)) u_firing (.clk_i, .rst_ni, .step_i(fire_i), .count_o(unused_firing), .last_o(last_firing));
    rf_counter #(.Last(Drain - 1)) u_drain (.clk_i, .rst_ni, .step_i(drain_q), .count_o(unused_drain), .last_o(last_drain));
    rf_counter #(.Last(Words - 1)) u_own (.clk_i, .rst_ni, .step_i(own_q && take), .count_o(unused_own), .last_o(last_own));

    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        {open_o, header_q, drain_q, own_q, rest_q} <= 5'b01000;
      end else begin
        open_o <= open_o ? !(fire_i && last_firing) : header_q && take && is_frame;
        drain_q <= drain_q ? !last_drain : header_q && take && !is_frame;
        own_q <= own_q ? !(take && last_own) : drain_q && last_drain;
        rest_q <= rest_q ? !(take && last_rest_q) : Depth > 0 && own_q && take && last_own;
        header_q <= header_q ? !take : (open_o && fire_i && last_firing) || (rest_q && take && last_rest_q)
                                       || (Depth == 0 && own_q && take && last_own);
      end
    end

    // A word, and the one that goes on: of a header, what is left of it.
    logic [63:0] word_q;
    logic own_word_q;

    always_ff @(posedge clk_i) begin
      own_word_q <= own_q && take && rst_ni;
      word_q <= constants_i;
      if (header_q) word_q <= is_frame ? '0 : 64'(behind);
    end

    if (Depth > 0) begin : gen_onward
      logic pass, pass_q;
      assign pass = take && !own_q;
      always_ff @(posedge clk_i) begin
        pass_q <= pass && rst_ni;
        if (header_q) left_q <= behind;
        else if (rest_q && take) left_q <= left_q - 1'b1;
        last_rest_q <= left_q == (rest_q && take ? 32'd2 : 32'd1);
      end
      rf_fifo #(.Bits(64), .Depth(Depth), .Latency(1), .Style(Style)) u_onward (
        .clk_i, .rst_ni, .claim_i(pass), .room_o(room), .write_i(pass_q), .data_i(word_q),
        .valid_o(constants_valid_o), .data_o(constants_o), .ready_i(constants_ready_i)
      );
    end else begin : gen_end
      logic unused;
      assign unused = &{constants_ready_i, left_q};
      assign room = 1'b1;
      assign left_q = '0;
      assign last_rest_q = 1'b1;
      assign constants_o = '0;
      assign constants_valid_o = 1'b0;
    end

    // Rows: words shift in from above, and the last one of a row is written with those before.
    logic [Memories-1:0] turn_q;
    logic [WordBits-1:0] word_of_row_q;
    logic [AddressBits-1:0] address_q;
    logic last_word, last_row;

    always_comb begin
      last_word = 1'b0;
      last_row = 1'b0;
      for (int unsigned k = 0; k < Memories; k++) begin
        if (turn_q[k]) begin
          last_word = word_of_row_q == WordBits'(rf_pkg::chain_words(RowBits[k*32 +: 32]) - 1);
          last_row = address_q == AddressBits'(Rows[k*32 +: 32] - 32'd1);
        end
      end
    end

    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        turn_q <= Memories'(1);
        word_of_row_q <= '0;
        address_q <= '0;
      end else if (own_word_q) begin
        word_of_row_q <= last_word ? '0 : word_of_row_q + 1'b1;
        if (last_word) address_q <= last_row ? '0 : address_q + 1'b1;
        if (last_word && last_row) turn_q <= Memories'({turn_q, turn_q[Memories-1]});
      end
    end

    assign write_o = turn_q & {Memories{own_word_q && last_word}};
    assign address_o = 32'(address_q);
    if (LoadBits > 64) begin : gen_row
      logic [LoadBits-65:0] before_q;
      always_ff @(posedge clk_i) if (own_word_q) before_q <= (LoadBits - 64)'({word_q, before_q} >> 64);
      assign row_o = {word_q, before_q};
    end else begin : gen_word
      assign row_o = word_q;
    end
  end
endmodule
