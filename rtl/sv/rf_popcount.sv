// Ones in a word: six at a time by a LUT for each of three bits of their number, then a tree of adders. A tree of adders alone takes
// twice as many LUTs, since the first ones have one bit to add and no use for the rest of a LUT.
//
//   bits_i   Bits bits
//   count_o  how many of them are 1; its upper bits may always be 0
//   cycles   the number is there 1 + (Levels + 1) / 2 cycles after the bits; for Levels see rf_adder_tree
module rf_popcount #(
  parameter int unsigned Bits = 6,
  parameter int unsigned Levels = $clog2((Bits + 5) / 6),
  localparam int unsigned Groups = (Bits + 5) / 6,
  localparam int unsigned CountBits = 3 + $clog2(Groups)
) (
  input  logic                 clk_i,
  input  logic [Bits-1:0]      bits_i,
  output logic [CountBits-1:0] count_o
);
  logic [Groups*6-1:0] padded;
  logic [Groups*3-1:0] counts_q;

  assign padded = (Groups * 6)'(bits_i);

  for (genvar group = 0; group < Groups; group++) begin : gen_group
    // Full adders, which synthesis finds to be three functions of six bits.
    logic [5:0] b;
    logic low_sum, low_carry, high_sum, high_carry, middle;

    assign b = padded[group*6 +: 6];
    assign low_sum = b[0] ^ b[1] ^ b[2];
    assign low_carry = (b[0] & b[1]) | (b[2] & (b[0] | b[1]));
    assign high_sum = b[3] ^ b[4] ^ b[5];
    assign high_carry = (b[3] & b[4]) | (b[5] & (b[3] | b[4]));
    assign middle = low_sum & high_sum;
    always_ff @(posedge clk_i) begin
      counts_q[group*3] <= low_sum ^ high_sum;
      counts_q[group*3+1] <= low_carry ^ high_carry ^ middle;
      counts_q[group*3+2] <= (low_carry & high_carry) | (middle & (low_carry | high_carry));
    end
  end

  rf_adder_tree #(.Count(Groups), .Bits(3), .Levels(Levels)) u_sum (.clk_i, .terms_i(counts_q), .sum_o(count_o));
endmodule
