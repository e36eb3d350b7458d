// Test bench of head: its output streams against vectors of the reference, its loops against the design's cycles.
// Generated from the description of network toy, head. Edit that, not this.
#include "head.h"

#include "resflow/accumulate_pool.h"
#include "resflow/dense.h"
#include "resflow/dwc.h"
#include "resflow/loaded.h"
#include "resflow/top_k.h"
#include "resflow/testbench.h"

int main(int argc, char **argv) {
  resflow::Bench bench("head", argc, argv);
  hls::stream<Beat<2, UInt<4>>> codes_in("codes_in");
  hls::stream<Beat<6, Int<8>>> weights("weights");
  hls::stream<Beat<1, UInt<32>>> labels("labels");
  hls::stream<Beat<1, UInt<64>>> constants_in("constants_in");

  for (unsigned frame = 0; frame < bench.frames(); ++frame) {
    bench.send_messages("constants_in", constants_in);
    bench.send<2, UInt<4>>("codes_in", 18, codes_in);
    bench.send<6, Int<8>>("weights", 5, weights);
    resflow_head(codes_in, weights, labels, constants_in);
    bench.expect<1, UInt<32>>("labels", 3, labels);
  }

  bench.require_empty("codes_in", codes_in.size());
  bench.require_empty("weights", weights.size());
  bench.require_empty("labels", labels.size());
  bench.require_empty("constants_in", constants_in.size());
  bench.require_cycles<resflow::AccumulatePool<Pool>>("pool accumulate_pool", 18);
  bench.require_cycles<resflow::Dwc<WeightsDwc>>("weights_dwc dwc", 15);
  bench.require_cycles<resflow::Dense<Fc>>("fc dense", 16);
  bench.require_cycles<resflow::TopK<Top>>("top top_k", 8);
  return bench.verdict();
}
