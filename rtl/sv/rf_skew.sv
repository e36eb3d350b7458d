// Factors on their way to chains of DSPs: those of the first four of a chain at once, which are late enough by the registers that a DSP
// has itself; those of every two more one cycle later than the two before.
//
//   values_i  Lanes values of Bits bits
//   values_o  each in the cycle in which its DSP wants it
module rf_skew #(
  parameter int unsigned Lanes = 6,
  parameter int unsigned Chains = 1,
  parameter int unsigned Bits = 1
) (
  input  logic                  clk_i,
  input  logic [Lanes*Bits-1:0] values_i,
  output logic [Lanes*Bits-1:0] values_o
);
  localparam int unsigned Length = (Lanes + Chains - 1) / Chains;
  localparam int unsigned Pairs = (Length + 1) / 2;
  logic unused;
  assign unused = clk_i;

  for (genvar chain = 0; chain < Chains; chain++) begin : gen_chain
    localparam int unsigned First = chain * Lanes / Chains;
    localparam int unsigned End = (chain + 1) * Lanes / Chains;
    localparam int unsigned Skipped = Length - (End - First);  // a shorter chain begins with the second DSP

    for (genvar pair = 0; pair < Pairs; pair++) begin : gen_pair
      localparam int unsigned From = pair == 0 ? First : First + 2 * pair - Skipped;
      localparam int unsigned To = 2 * pair + 2 >= Length ? End : First + 2 * pair + 2 - Skipped;
      localparam int unsigned Wide = (To - From) * Bits;
      localparam int unsigned Waits = pair > 1 ? pair - 1 : 0;
      if (Wide > 0 && Waits > 0) begin : gen_wait
        logic [Waits*Wide-1:0] line_q;  // the newest first
        assign values_o[From*Bits +: Wide] = line_q[(Waits-1)*Wide +: Wide];
        always_ff @(posedge clk_i) line_q <= (Waits * Wide)'({line_q, values_i[From*Bits +: Wide]});
      end else if (Wide > 0) begin : gen_wire
        assign values_o[From*Bits +: Wide] = values_i[From*Bits +: Wide];
      end
    end
  end
endmodule
