// Test bench of res2a: its output streams against vectors of the reference, its loops against the design's cycles.
// Generated from the description of network toy, res2a. Edit that, not this.
#include "res2a.h"

#include "resflow/dwc.h"
#include "resflow/fork.h"
#include "resflow/join.h"
#include "resflow/loaded.h"
#include "resflow/mvau.h"
#include "resflow/mvu.h"
#include "resflow/search.h"
#include "resflow/swg.h"
#include "resflow/testbench.h"

int main(int argc, char **argv) {
  resflow::Bench bench("res2a", argc, argv);
  hls::stream<Beat<4, UInt<2>>> codes_in("codes_in");
  hls::stream<Beat<2, UInt<4>>> codes_out("codes_out");
  hls::stream<Beat<1, UInt<64>>> constants_in("constants_in");
  hls::stream<Beat<1, UInt<64>>> constants_out("constants_out");

  for (unsigned frame = 0; frame < bench.frames(); ++frame) {
    bench.send_messages("constants_in", constants_in);
    bench.send<4, UInt<2>>("codes_in", 6, codes_in);
    resflow_res2a(codes_in, codes_out, constants_in, constants_out);
    bench.expect_messages("constants_out", constants_out);
    bench.expect<2, UInt<4>>("codes_out", 18, codes_out);
  }

  bench.require_empty("codes_in", codes_in.size());
  bench.require_empty("codes_out", codes_out.size());
  bench.require_empty("constants_in", constants_in.size());
  bench.require_empty("constants_out", constants_out.size());
  bench.require_cycles<resflow::Dwc<EntryDwc>>("entry_dwc dwc", 12);
  bench.require_cycles<resflow::Fork<Fork>>("fork fork", 12);
  bench.require_cycles<resflow::Swg<Conv1>>("conv1 swg", 116);
  bench.require_cycles<resflow::Mvau<Conv1>>("conv1 mvau", 216);
  bench.require_cycles<resflow::Dwc<Conv2Dwc>>("conv2_dwc dwc", 12);
  bench.require_cycles<resflow::Swg<Conv2>>("conv2 swg", 58);
  bench.require_cycles<resflow::Mvu<Conv2>>("conv2 mvu", 109);
  bench.require_cycles<resflow::Dwc<Conv2ActDwc>>("conv2_act_dwc dwc", 36);
  bench.require_cycles<resflow::Search<Conv2Act>>("conv2_act search", 37);
  bench.require_cycles<resflow::Dwc<BypassDwc>>("bypass_dwc dwc", 12);
  bench.require_cycles<resflow::Mvau<Bypass>>("bypass mvau", 19);
  bench.require_cycles<resflow::Dwc<JoinDwc>>("join_dwc dwc", 36);
  bench.require_cycles<resflow::Join<Join>>("join join", 36);
  bench.require_cycles<resflow::Dwc<OutDwc>>("out_dwc dwc", 36);
  return bench.verdict();
}
