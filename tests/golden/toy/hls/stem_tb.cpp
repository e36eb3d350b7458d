// Test bench of stem: its output streams against vectors of the reference, its loops against the design's cycles.
// Generated from the description of network toy, stem. Edit that, not this.
#include "stem.h"

#include "resflow/dwc.h"
#include "resflow/max_pool.h"
#include "resflow/mvau.h"
#include "resflow/swg.h"
#include "resflow/testbench.h"

int main(int argc, char **argv) {
  resflow::Bench bench("stem", argc, argv);
  hls::stream<Beat<3, UInt<8>>> image("image");
  hls::stream<Beat<4, UInt<2>>> codes_out("codes_out");

  for (unsigned frame = 0; frame < bench.frames(); ++frame) {
    bench.send<3, UInt<8>>("image", 30, image);
    resflow_stem(image, codes_out);
    bench.expect<4, UInt<2>>("codes_out", 6, codes_out);
  }

  bench.require_empty("image", image.size());
  bench.require_empty("codes_out", codes_out.size());
  bench.require_cycles<resflow::Swg<Conv>>("conv swg", 280);
  bench.require_cycles<resflow::Mvau<Conv>>("conv mvau", 540);
  bench.require_cycles<resflow::Swg<Pool>>("pool swg", 138);
  bench.require_cycles<resflow::MaxPool<Pool>>("pool max_pool", 108);
  bench.require_cycles<resflow::Dwc<OutDwc>>("out_dwc dwc", 12);
  return bench.verdict();
}
