// Constants: an address gives a row, which is what all PEs of a layer read at once. A row is there two cycles after its address.
//
//   storage  Words rows of Bits bits, from File, one row a line in hexadecimal, in block RAM or in LUTs
//   misuse   the rows of another layer give wrong results without a sign. Of more than a million bits Vivado wants to be told that they are
//            meant: `set_param synth.elaboration.rodinMoreOptions "rt::set_parameter var_size_limit 4194304"` (UNCONFIRMED; Synth 8-4556)
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
  // A row is wide and an address is not: the register that a ROM of LUTs does not need behind it is in front of it.
  if (Block) begin : gen_block
    (* rom_style = "block" *) logic [Bits-1:0] memory [Words];
    logic [Bits-1:0] row_q;
    initial $readmemh(File, memory);
    always_ff @(posedge clk_i) begin
      row_q <= memory[address_i];
      row_o <= row_q;
    end
  end else begin : gen_luts
    (* rom_style = "distributed" *) logic [Bits-1:0] memory [Words];
    logic [AddressBits-1:0] address_q;
    initial $readmemh(File, memory);
    always_ff @(posedge clk_i) begin
      address_q <= address_i;
      row_o <= memory[address_q];
    end
  end
endmodule
