// Sum of Count numbers, as a balanced tree with a register behind the last adder and behind every second one before it: two adders a cycle.
//
//   terms_i  Count numbers of Bits bits, the first lowest
//   sum_o    their sum; if Weighted, number i counts 2**i times: the low bits of the lower half pass unchanged, only those above are added
//   cycles   the sum is there (Levels + 1) / 2 cycles after its terms. Levels above log2(Count) are registers only: trees that have to be
//            in step get the Levels of the largest
module rf_adder_tree #(
  parameter int unsigned Count = 2,
  parameter int unsigned Bits = 1,
  parameter bit Weighted = 1'b0,
  parameter int unsigned Levels = $clog2(Count),
  parameter bit Registered = 1'b1,  // this level; the next one is not, and so on
  localparam int unsigned SumBits = Bits + (Weighted ? (Count > 1 ? Count : 0) : $clog2(Count))
) (
  input  logic                  clk_i,
  input  logic [Count*Bits-1:0] terms_i,
  output logic [SumBits-1:0]    sum_o
);
  logic [SumBits-1:0] sum;

  if (Levels == 0) begin : gen_leaf
    assign sum = terms_i;
  end else if (Count == 1) begin : gen_wait
    rf_adder_tree #(.Count(1), .Bits(Bits), .Weighted(Weighted), .Levels(Levels - 1), .Registered(!Registered)) u_term (
      .clk_i, .terms_i, .sum_o(sum)
    );
  end else begin : gen_add
    localparam int unsigned High = Count / 2;
    localparam int unsigned Low = Count - High;
    localparam int unsigned LowBits = Bits + (Weighted ? (Low > 1 ? Low : 0) : $clog2(Low));
    localparam int unsigned HighBits = Bits + (Weighted ? (High > 1 ? High : 0) : $clog2(High));
    logic [LowBits-1:0] low;
    logic [HighBits-1:0] high;

    rf_adder_tree #(.Count(Low), .Bits(Bits), .Weighted(Weighted), .Levels(Levels - 1), .Registered(!Registered)) u_low (
      .clk_i, .terms_i(terms_i[Low*Bits-1:0]), .sum_o(low)
    );
    rf_adder_tree #(.Count(High), .Bits(Bits), .Weighted(Weighted), .Levels(Levels - 1), .Registered(!Registered)) u_high (
      .clk_i, .terms_i(terms_i[Count*Bits-1:Low*Bits]), .sum_o(high)
    );
    if (Weighted) begin : gen_weighted
      localparam int unsigned AddedBits = SumBits - Low;
      assign sum[Low-1:0] = low[Low-1:0];
      assign sum[SumBits-1:Low] = AddedBits'(high) + AddedBits'(low[LowBits-1:Low]);
    end else begin : gen_plain
      assign sum = SumBits'(low) + SumBits'(high);
    end
  end

  if (Registered && Levels > 0) begin : gen_register
    always_ff @(posedge clk_i) sum_o <= sum;
  end else begin : gen_wire
    logic unused;
    assign unused = clk_i;
    assign sum_o = sum;
  end
endmodule
