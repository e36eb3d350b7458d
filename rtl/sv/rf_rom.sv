// Constants: an address gives a row, which is what all PEs of a layer read at once. A row is there two cycles after its address.
//
//   storage  Words rows of Bits bits, from File, one row a line in hexadecimal, in block RAM or in LUTs
//   misuse   the rows of another layer give wrong results without a sign
module rf_rom #(
  parameter int unsigned Words = 2,
  parameter int unsigned Bits = 1,
  parameter bit Block = 1'b0,
  parameter File = "",
  localparam int unsigned AddressBits = rf_pkg::index_bits(Words)
) (
  input  logic                   clk_i,
  input  logic [AddressBits-1:0] address_i,
  output logic [Bits-1:0]        row_o
);
  /* verilator lint_off UNUSEDPARAM */  // an attribute uses it, which Verilator does not count
  localparam Style = Block ? "block" : "distributed";
  /* verilator lint_on UNUSEDPARAM */
  (* rom_style = Style *) logic [Bits-1:0] memory [Words];
  initial $readmemh(File, memory);

  // A row is wide and an address is not: the register that a ROM of LUTs does not need behind it is in front of it.
  if (Block) begin : gen_block
    logic [Bits-1:0] row_q;
    always_ff @(posedge clk_i) begin
      row_q <= memory[address_i];
      row_o <= row_q;
    end
  end else begin : gen_distributed
    logic [AddressBits-1:0] address_q;
    always_ff @(posedge clk_i) begin
      address_q <= address_i;
      row_o <= memory[address_q];
    end
  end
endmodule
