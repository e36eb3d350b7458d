// Cycles from the operands of an operation to its result. dataflow/units/latency.py has the same formulas for the timing model.
// A function's result is assigned to its name, since Yosys has no `return`.

// Of a tree that adds `count` numbers: two adders a cycle.
function automatic int unsigned rf_tree_latency(input int unsigned count);
  rf_tree_latency = ($clog2(count) + 1) / 2;
endfunction

// Of the ones in `bits` bits.
function automatic int unsigned rf_popcount_latency(input int unsigned bits);
  rf_popcount_latency = 1 + rf_tree_latency((bits + 5) / 6);
endfunction

// Of the fullest column of a dot product on bit planes: see rf_dot_planes.
function automatic int unsigned rf_column_bits(input int unsigned lanes, input int unsigned in_bits, input int unsigned weight_bits);
  rf_column_bits = (lanes + 2) / 3 * (in_bits == weight_bits ? 2 * in_bits - 1 : 2 * (in_bits < weight_bits ? in_bits : weight_bits));
endfunction

// Of a dot product: in DSPs, or on bit planes.
function automatic int unsigned rf_dot_latency(input int unsigned lanes, input int unsigned in_bits, input int unsigned weight_bits);
  if (in_bits > 4 && weight_bits > 4) rf_dot_latency = 2 + rf_tree_latency(lanes);
  else rf_dot_latency = rf_popcount_latency(rf_column_bits(lanes, in_bits, weight_bits)) + rf_tree_latency(in_bits + weight_bits);
endfunction
