// Test bench of head for Verilator: vectors of the reference at its ports, and the cycle of every handshake.
// Generated from the description of network toy, head. Edit that, not this.
#include "Vresflow_head.h"
#include "bench.h"

int main(int argc, char **argv) {
  resflow::Bench<Vresflow_head> bench("head", argc, argv);
  auto &top = bench.top();
  bench.send({"codes_in", 2, 4, 18}, top.codes_in_TDATA, top.codes_in_TVALID, top.codes_in_TREADY);
  bench.expect({"labels", 1, 32, 3}, top.labels_TDATA, top.labels_TVALID, top.labels_TREADY);
  bench.send({"constants_in", 1, 64, 0}, top.constants_in_TDATA, top.constants_in_TVALID, top.constants_in_TREADY);
  return bench.run();
}
