// FIFO of few places in LUTs, entered by claims: see rf_fifo, which is what units have. Its places are rounded up to a power of two, so
// that the two addresses wrap by themselves; no more than Places are used.
module rf_fifo_luts #(
  parameter int unsigned Bits = 1,
  parameter int unsigned Places = 4
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  input  logic            claim_i,
  output logic            room_o,
  input  logic            write_i,
  input  logic [Bits-1:0] data_i,
  output logic            valid_o,
  output logic [Bits-1:0] data_o,
  input  logic            ready_i
);
  localparam int unsigned AddressBits = $clog2(Places);
  (* ram_style = "distributed" *) logic [Bits-1:0] memory [2**AddressBits];
  logic [AddressBits-1:0] write_place_q, read_place_q;
  logic take, unused_claimed, unused_room;

  assign take = valid_o && ready_i;
  assign data_o = memory[read_place_q];

  rf_occupancy #(.Most(Places)) u_claimed (.clk_i, .rst_ni, .more_i(claim_i), .less_i(take), .some_o(unused_claimed), .room_o);
  rf_occupancy #(.Most(Places)) u_held (.clk_i, .rst_ni, .more_i(write_i), .less_i(take), .some_o(valid_o), .room_o(unused_room));

  always_ff @(posedge clk_i) begin
    if (write_i) memory[write_place_q] <= data_i;
    if (!rst_ni) begin
      write_place_q <= '0;
      read_place_q <= '0;
    end else begin
      if (write_i) write_place_q <= write_place_q + 1'b1;
      if (take) read_place_q <= read_place_q + 1'b1;
    end
  end
endmodule
