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
  localparam int unsigned CountBits = rf_pkg::count_bits(Bits)
) (
  input  logic                 clk_i,
  input  logic [Bits-1:0]      bits_i,
  output logic [CountBits-1:0] count_o
);
  // Bit i of every word below is of group i, so that one operation is on all groups. The full adders of a group are three functions of six
  // bits, which synthesis finds.
  logic [Groups-1:0] a, b, c, d, e, f, low_sum, low_carry, high_sum, high_carry, middle, ones_q, twos_q, fours_q;
  logic [Groups*3-1:0] counts;

  assign {f, e, d, c, b, a} = (Groups * 6)'(bits_i);
  assign low_sum = a ^ b ^ c;
  assign low_carry = (a & b) | (c & (a | b));
  assign high_sum = d ^ e ^ f;
  assign high_carry = (d & e) | (f & (d | e));
  assign middle = low_sum & high_sum;

  always_ff @(posedge clk_i) begin
    ones_q <= low_sum ^ high_sum;
    twos_q <= low_carry ^ high_carry ^ middle;
    fours_q <= (low_carry & high_carry) | (middle & (low_carry | high_carry));
  end
  for (genvar group = 0; group < Groups; group++) begin : gen_group
    assign counts[group*3 +: 3] = {fours_q[group], twos_q[group], ones_q[group]};
  end

  rf_adder_tree #(.Count(Groups), .Bits(3), .Levels(Levels)) u_sum (.clk_i, .terms_i(counts), .sum_o(count_o));
endmodule
