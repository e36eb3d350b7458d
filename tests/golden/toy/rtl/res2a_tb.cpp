// Test bench of res2a for Verilator: vectors of the reference at its ports, and the cycle of every handshake.
// Generated from the description of network toy, res2a. Edit that, not this.
#include "Vresflow_res2a.h"
#include "bench.h"

int main(int argc, char **argv) {
  resflow::Bench<Vresflow_res2a> bench("res2a", argc, argv);
  auto &top = bench.top();
  bench.send({"codes_in", 4, 2, 6}, top.codes_in_TDATA, top.codes_in_TVALID, top.codes_in_TREADY);
  bench.expect({"codes_out", 2, 4, 18}, top.codes_out_TDATA, top.codes_out_TVALID, top.codes_out_TREADY);
  return bench.run();
}
