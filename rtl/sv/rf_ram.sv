// Memory with one write and one read port. A word is there one cycle after its address.
//
//   storage  Words words of Bits bits in a memory of kind Style: registers, distributed, block or ultra, as Vivado names them
//   misuse   a word that is written and read in the same cycle: which of the two values is read depends on the memory
module rf_ram #(
  parameter int unsigned Words = 2,
  parameter int unsigned Bits = 1,
  /* verilator lint_off UNUSEDPARAM */  // used by an attribute, which Verilator does not count
  parameter Style = "distributed",
  /* verilator lint_on UNUSEDPARAM */
  localparam int unsigned AddressBits = rf_pkg::index_bits(Words)
) (
  input  logic                   clk_i,
  input  logic                   write_i,
  input  logic [AddressBits-1:0] write_address_i,
  input  logic [Bits-1:0]        data_i,
  input  logic [AddressBits-1:0] read_address_i,
  output logic [Bits-1:0]        data_o
);
  (* ram_style = Style *) logic [Bits-1:0] memory [Words];

  always_ff @(posedge clk_i) begin
    if (write_i) memory[write_address_i] <= data_i;
    data_o <= memory[read_address_i];
  end
endmodule
