// Delay line: what went in Steps steps ago. Buffers that are read and written in the same order need no address from outside.
//
//   step_i   in_i goes in; out_o moves on to what went in Steps - 1 steps ago
//   out_o    a register; of the first Steps steps anything
//   storage  Steps words of Bits bits: up to four in registers (REGISTER_WORDS in dataflow/cost/storage.py), more in a memory of kind
//            Style, distributed or block. That holds a word less and is read a word ahead of where it is written, since it answers late
module rf_delay #(
  parameter int unsigned Steps = 1,
  parameter int unsigned Bits = 1,
  /* verilator lint_off UNUSEDPARAM */  // used by an attribute, which Verilator does not count
  parameter Style = "distributed"
  /* verilator lint_on UNUSEDPARAM */
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  input  logic            step_i,
  input  logic [Bits-1:0] in_i,
  output logic [Bits-1:0] out_o
);
  if (Steps <= 4) begin : gen_registers
    logic unused;
    assign unused = rst_ni;
    logic [Steps*Bits-1:0] line_q;
    assign out_o = line_q[Bits-1:0];
    if (Steps == 1) begin : gen_one
      always_ff @(posedge clk_i) if (step_i) line_q <= in_i;
    end else begin : gen_more
      always_ff @(posedge clk_i) if (step_i) line_q <= {in_i, line_q[Steps*Bits-1:Bits]};
    end
  end else begin : gen_memory
    localparam int unsigned Words = Steps - 1;
    (* ram_style = Style *) logic [Bits-1:0] memory [Words];
    logic [Bits-1:0] word_q;
    logic [$clog2(Words)-1:0] read_place, write_place_q;
    logic unused_last;

    rf_counter #(.Last(Words - 1)) u_read_place (.clk_i, .rst_ni, .step_i, .count_o(read_place), .last_o(unused_last));
    always_ff @(posedge clk_i) begin
      if (!rst_ni) write_place_q <= ($clog2(Words))'(Words - 1);
      else if (step_i) write_place_q <= read_place;
      if (step_i) begin
        memory[write_place_q] <= in_i;
        word_q <= memory[read_place];
        out_o <= word_q;
      end
    end
  end
endmodule
