// Values to codes: the lowest code, and one more for each threshold that a value reaches. In what order these stand does not matter.
//
//   values_i      Pixels*Lanes values of Bits bits, two's complement, the lanes of pixel 0 first
//   thresholds_i  2**OutBits - 1 thresholds of Bits bits for each lane, the same for every pixel
//   codes_o       the codes, in the order of the values; two's complement if OutSigned
//   cycles        the codes are there 2 + (log2(groups) + 1) / 2 cycles after the values, of groups of 6 thresholds: see rf_popcount
module rf_crossed #(
  parameter int unsigned Pixels = 1,
  parameter int unsigned Lanes = 1,
  parameter int unsigned Bits = 2,
  parameter int unsigned OutBits = 1,
  parameter bit OutSigned = 1'b0,
  localparam int unsigned Thresholds = 2**OutBits - 1
) (
  input  logic                             clk_i,
  input  logic [Pixels*Lanes*Bits-1:0]     values_i,
  input  logic [Lanes*Thresholds*Bits-1:0] thresholds_i,
  output logic [Pixels*Lanes*OutBits-1:0]  codes_o
);
  localparam int unsigned CountBits = rf_pkg::count_bits(Thresholds);
  localparam logic [OutBits-1:0] Lowest = OutBits'(OutSigned) << (OutBits - 1);  // code: to add it is to invert the top bit

  for (genvar i = 0; i < Pixels * Lanes; i++) begin : gen_value
    localparam int unsigned FirstThreshold = i % Lanes * Thresholds;
    logic [Thresholds-1:0] reached_q;
    logic [CountBits-1:0] count;
    logic unused;

    for (genvar t = 0; t < Thresholds; t++) begin : gen_threshold
      always_ff @(posedge clk_i) begin
        reached_q[t] <= signed'(values_i[i*Bits +: Bits]) >= signed'(thresholds_i[(FirstThreshold+t)*Bits +: Bits]);
      end
    end
    rf_popcount #(.Bits(Thresholds)) u_count (.clk_i, .bits_i(reached_q), .count_o(count));
    assign codes_o[i*OutBits +: OutBits] = OutBits'(count) ^ Lowest;
    assign unused = &{count};
  end
endmodule
