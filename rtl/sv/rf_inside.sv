// Whether a row or column of a group of windows is inside the image, or in the padding around it.
//
//   index_i   the group, 0 ... Last
//   inside_o  Pad <= index_i * Step + Tap < Pad + Size
module rf_inside #(
  parameter int unsigned Last = 1,
  parameter int unsigned Step = 1,
  parameter int unsigned Tap = 0,
  parameter int unsigned Pad = 1,
  parameter int unsigned Size = 1,
  localparam int unsigned Bits = rf_pkg::index_bits(Last + 1)
) (
  input  logic [Bits-1:0] index_i,
  output logic            inside_o
);
  // The first such group, and the one behind the last.
  localparam int unsigned First = Pad > Tap ? (Pad - Tap + Step - 1) / Step : 0;
  localparam int unsigned End = Pad + Size > Tap ? (Pad + Size - Tap + Step - 1) / Step : 0;
  logic begun, ended;

  if (First == 0) begin : gen_from_the_first
    assign begun = 1'b1;
  end else if (First > Last) begin : gen_never
    assign begun = 1'b0;
  end else begin : gen_from
    assign begun = index_i >= Bits'(First);
  end
  if (End > Last) begin : gen_to_the_last
    assign ended = 1'b0;
  end else if (End == 0) begin : gen_none
    assign ended = 1'b1;
  end else begin : gen_to
    assign ended = index_i >= Bits'(End);
  end
  assign inside_o = begun && !ended;

  logic unused;
  assign unused = &{index_i};
endmodule
