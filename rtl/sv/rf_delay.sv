// Delay line: what went in Steps steps ago. Buffers that are read and written in the same order need no address from outside.
//
//   step_i   in_i goes in; out_o moves on to what went in Steps - 1 steps ago
//   out_o    a register; of the first Steps steps anything
//   storage  Steps words of Bits bits: up to four in registers, more in a memory of kind Style, distributed or block. That holds two words
//            less and reads the old word where it writes the new one; the two are in registers behind it, since a memory answers late
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
    localparam int unsigned Words = Steps - 2;
    (* ram_style = Style *) logic [Bits-1:0] memory [Words];
    logic [Bits-1:0] old_q;
    logic [$clog2(Words)-1:0] place;
    logic unused_last;

    rf_counter #(.Last(Words - 1)) u_place (.clk_i, .rst_ni, .step_i, .count_o(place), .last_o(unused_last));
    always_ff @(posedge clk_i) begin
      if (step_i) begin
        memory[place] <= in_i;
        old_q <= memory[place];
        out_o <= old_q;
      end
    end
  end
endmodule
