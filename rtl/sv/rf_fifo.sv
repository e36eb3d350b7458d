// FIFO at the output of a unit, entered by claims: a unit starts a beat when it has claimed a place for it, so its pipeline never has to
// stop.
//
//   claim_i   a beat is on its way and will be written Latency cycles later; only where room_o
//   room_o    a register: one more place can be claimed
//   write_i   data_i is a beat that was claimed
//   valid_o   a register: data_o is the oldest beat; with ready_i it is taken
//   storage   Depth beats and as many as are under way: in LUTs, up to 64; else Depth beats in a memory of kind Style, and the others in
//             LUTs behind it
//   cycles    a beat can be read one cycle after it is written, behind a memory four; a place can be claimed one cycle after a beat was
//             taken
//   misuse    a claim without room, or a write without a claim, overwrites beats that were not read
module rf_fifo #(
  parameter int unsigned Bits = 1,
  parameter int unsigned Depth = 2,
  parameter int unsigned Latency = 1,
  parameter Style = "distributed"
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
  localparam int unsigned LutPlaces = Depth + Latency + 1;
  localparam int unsigned StagePlaces = Latency + 4;

  if (LutPlaces <= 64) begin : gen_luts
    rf_fifo_luts #(.Bits(Bits), .Places(LutPlaces)) u_luts (
      .clk_i, .rst_ni, .claim_i, .room_o, .write_i, .data_i, .valid_o, .data_o, .ready_i
    );
  end else begin : gen_memory
    // The memory is a unit of two stages whose output is the FIFO in LUTs. It holds at most Depth beats: of all that are claimed, either
    // that FIFO has its StagePlaces, or a beat leaves the memory in every cycle.
    logic held, move, stage_room, take, read_q, stage_write_q;
    logic [Bits-1:0] word, word_q;
    logic [rf_pkg::index_bits(Depth)-1:0] write_place, read_place;
    logic unused_write_last, unused_read_last, unused_claimed, unused_room;

    assign move = held && stage_room;
    assign take = valid_o && ready_i;
    rf_counter #(.Last(Depth - 1)) u_write_place (
      .clk_i, .rst_ni, .step_i(write_i), .count_o(write_place), .last_o(unused_write_last)
    );
    rf_counter #(.Last(Depth - 1)) u_read_place (.clk_i, .rst_ni, .step_i(move), .count_o(read_place), .last_o(unused_read_last));
    rf_ram #(.Words(Depth), .Bits(Bits), .Style(Style)) u_memory (
      .clk_i, .write_i, .write_address_i(write_place), .data_i, .read_address_i(read_place), .data_o(word)
    );
    rf_occupancy #(.Most(Depth + StagePlaces)) u_claimed (
      .clk_i, .rst_ni, .more_i(claim_i), .less_i(take), .some_o(unused_claimed), .room_o
    );
    rf_occupancy #(.Most(Depth)) u_held (.clk_i, .rst_ni, .more_i(write_i), .less_i(move), .some_o(held), .room_o(unused_room));
    always_ff @(posedge clk_i) begin
      read_q <= move && rst_ni;
      stage_write_q <= read_q && rst_ni;
      word_q <= word;
    end
    rf_fifo_luts #(.Bits(Bits), .Places(StagePlaces)) u_stage (
      .clk_i, .rst_ni, .claim_i(move), .room_o(stage_room), .write_i(stage_write_q), .data_i(word_q), .valid_o, .data_o, .ready_i
    );
  end
endmodule
