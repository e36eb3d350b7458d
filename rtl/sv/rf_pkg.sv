// What several modules compute from their parameters. A function's result is assigned to its name, since Yosys has no `return`.
package rf_pkg;
  // Bits of a number below `count`; at least one.
  function automatic int unsigned index_bits(input int unsigned count);
    index_bits = count > 1 ? $clog2(count) : 1;
  endfunction

  // Words of 64 bits in which so many bits are loaded.
  function automatic int unsigned chain_words(input int unsigned bits);
    chain_words = (bits + 63) / 64;
  endfunction

  // Bits of the longer of two rows, in whole words.
  function automatic int unsigned load_bits(input int unsigned one, input int unsigned other);
    load_bits = 64 * chain_words(one > other ? one : other);
  endfunction

  // Bits of the number of ones among `bits` bits, as rf_popcount gives it; the upper ones may always be 0.
  function automatic int unsigned count_bits(input int unsigned bits);
    count_bits = 3 + $clog2((bits + 5) / 6);
  endfunction

  // Cycles from the operands of an operation to its result: dataflow/units/latency.py has the same formulas for the timing model.

  // Of a tree that adds `count` numbers: two adders a cycle.
  function automatic int unsigned tree_latency(input int unsigned count);
    tree_latency = ($clog2(count) + 1) / 2;
  endfunction

  // Of the number of ones among `bits` bits.
  function automatic int unsigned popcount_latency(input int unsigned bits);
    popcount_latency = 1 + tree_latency((bits + 5) / 6);
  endfunction

  // Of a dot product: in chains of DSPs of at most so many, or, where that is 0, on bit planes.
  function automatic int unsigned dot_latency(
    input int unsigned lanes, input int unsigned in_bits, input int unsigned weight_bits, input int unsigned chain
  );
    if (chain > 0) dot_latency = chain_latency(longest(lanes, chains(lanes, chain))) + tree_latency(chains(lanes, chain));
    else dot_latency = popcount_latency(column_bits(lanes, in_bits, weight_bits)) + tree_latency(in_bits + weight_bits);
  endfunction

  // Of a chain of DSPs: the registers in front of the multipliers and behind them, then two additions a cycle.
  function automatic int unsigned chain_latency(input int unsigned length);
    chain_latency = 2 + (length + 1) / 2;
  endfunction

  // Of the sum over a window: the last dot product, the accumulator and, of bipolar weights, the offset that all PEs share.
  function automatic int unsigned sums_latency(
    input int unsigned lanes, input int unsigned in_bits, input int unsigned weight_bits, input bit bipolar, input int unsigned chain
  );
    sums_latency = dot_latency(lanes, in_bits, weight_bits, chain) + 1 + (bipolar ? 1 : 0);
  endfunction

  // Chains of at most `most` DSPs that lanes need, nearly alike; and the DSPs of the longest.
  function automatic int unsigned chains(input int unsigned lanes, input int unsigned most);
    chains = most > 0 ? (lanes + most - 1) / most : 1;
  endfunction

  function automatic int unsigned longest(input int unsigned lanes, input int unsigned count);
    longest = (lanes + count - 1) / count;
  endfunction

  // Whether a bit of a DSP's sum is in none of its fields, see rf_pe_packed.
  function automatic bit is_between(
    input int unsigned at, input int unsigned weights, input int unsigned pixels, input int unsigned weight_step,
    input int unsigned pixel_step, input int unsigned field_bits
  );
    is_between = 1'b1;
    for (int unsigned i = 0; i < weights; i++) begin
      for (int unsigned j = 0; j < pixels; j++) begin
        if (at >= i * weight_step + j * pixel_step && at < i * weight_step + j * pixel_step + field_bits) is_between = 1'b0;
      end
    end
  endfunction

  // Bits of the fullest column of a dot product on bit planes, see rf_dot_planes: pairs of planes whose products have one weight give it a
  // one for every three lanes, and those of the weight below a two.
  function automatic int unsigned column_bits(input int unsigned lanes, input int unsigned in_bits, input int unsigned weight_bits);
    column_bits = (lanes + 2) / 3 * (in_bits == weight_bits ? 2 * in_bits - 1 : 2 * (in_bits < weight_bits ? in_bits : weight_bits));
  endfunction

  // A number below 10,000 in four digits, as text: files of ROMs are numbered.
  function automatic logic [31:0] digits(input int unsigned number);
    digits = {8'(48 + number / 1000 % 10), 8'(48 + number / 100 % 10), 8'(48 + number / 10 % 10), 8'(48 + number % 10)};
  endfunction
endpackage
