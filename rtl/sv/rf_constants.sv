// Constants of a unit, from a file or loaded: an address gives a row, or what a lane has of it. It is there two cycles after its address.
//
//   address_i, row_o  the rows that the unit reads
//   load_*            of rf_loader: with load_write_i a row is written, RowBits bits of which First and those above it are here
//   storage           Words rows of Bits bits: from File in rf_rom, or loaded into UltraRAM, block RAM, LUTs, up to four in registers
//                     (REGISTER_WORDS in dataflow/cost/storage.py)
//   misuse            rows that are read before they are loaded may be anything
// UNCONFIRMED: that Vivado puts the register behind a memory of several UltraRAMs deep where it is needed to run at full speed.
module rf_constants #(
  parameter int unsigned Words = 2,
  parameter int unsigned Bits = 1,
  parameter bit Block = 1'b0,
  parameter File = "",
  parameter bit Loaded = 1'b0,
  parameter bit Ultra = 1'b0,
  parameter int unsigned RowBits = Bits,
  parameter int unsigned First = 0,
  parameter int unsigned LoadBits = 64 * rf_pkg::chain_words(Bits),
  localparam int unsigned AddressBits = rf_pkg::index_bits(Words)
) (
  input  logic                   clk_i,
  input  logic                   load_write_i,
  input  logic [31:0]            load_address_i,
  input  logic [LoadBits-1:0]    load_row_i,
  input  logic [AddressBits-1:0] address_i,
  output logic [Bits-1:0]        row_o
);
  logic unused;
  assign unused = &{load_write_i, load_address_i, load_row_i};

  if (!Loaded) begin : gen_rom
    rf_rom #(.Words(Words), .Bits(Bits), .Block(Block), .File(File)) u_rom (.clk_i, .address_i, .row_o);
  end else begin : gen_loaded
    // Of the words, a row has the highest.
    localparam int unsigned Lowest = LoadBits - 64 * rf_pkg::chain_words(RowBits) + First;
    logic [AddressBits-1:0] write_address;
    logic [Bits-1:0] row;
    assign write_address = load_address_i[AddressBits-1:0];
    assign row = load_row_i[Lowest +: Bits];

    // As in rf_rom, the register is behind a memory that has one of its own, and in front of others.
    if (Block || Ultra) begin : gen_memory
      logic [Bits-1:0] row_q;
      if (Ultra) begin : gen_ultra
        rf_ram #(.Words(Words), .Bits(Bits), .Style("ultra")) u_ram (
          .clk_i, .write_i(load_write_i), .write_address_i(write_address), .data_i(row), .read_address_i(address_i), .data_o(row_q)
        );
      end else begin : gen_block
        rf_ram #(.Words(Words), .Bits(Bits), .Style("block")) u_ram (
          .clk_i, .write_i(load_write_i), .write_address_i(write_address), .data_i(row), .read_address_i(address_i), .data_o(row_q)
        );
      end
      always_ff @(posedge clk_i) row_o <= row_q;
    end else begin : gen_luts
      logic [AddressBits-1:0] address_q;
      always_ff @(posedge clk_i) address_q <= address_i;
      if (Words <= 4) begin : gen_registers
        rf_ram #(.Words(Words), .Bits(Bits), .Style("registers")) u_ram (
          .clk_i, .write_i(load_write_i), .write_address_i(write_address), .data_i(row), .read_address_i(address_q), .data_o(row_o)
        );
      end else begin : gen_distributed
        rf_ram #(.Words(Words), .Bits(Bits), .Style("distributed")) u_ram (
          .clk_i, .write_i(load_write_i), .write_address_i(write_address), .data_i(row), .read_address_i(address_q), .data_o(row_o)
        );
      end
    end
  end
endmodule
