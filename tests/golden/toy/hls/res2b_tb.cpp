// Test bench of res2b: its output streams against vectors of the reference, its loops against the design's cycles.
// Generated from the description of network toy, res2b. Edit that, not this.
#include "res2b.h"

#include "resflow/dwc.h"
#include "resflow/fork.h"
#include "resflow/join.h"
#include "resflow/mvau.h"
#include "resflow/mvu.h"
#include "resflow/search.h"
#include "resflow/swg.h"
#include "resflow/table.h"
#include "resflow/testbench.h"

int main(int argc, char **argv) {
  resflow::Bench bench("res2b", argc, argv);
  hls::stream<Beat<6, UInt<4>>> codes_in("codes_in");
  hls::stream<Beat<2, UInt<4>>> codes_out("codes_out");

  for (unsigned frame = 0; frame < bench.frames(); ++frame) {
    bench.send<6, UInt<4>>("codes_in", 6, codes_in);
    resflow_res2b(codes_in, codes_out);
    bench.expect<2, UInt<4>>("codes_out", 18, codes_out);
  }

  bench.require_empty("codes_in", codes_in.size());
  bench.require_empty("codes_out", codes_out.size());
  bench.require_cycles<resflow::Dwc<EntryDwc>>("entry_dwc dwc", 12);
  bench.require_cycles<resflow::Fork<Fork>>("fork fork", 12);
  bench.require_cycles<resflow::Table<Entry>>("entry table", 12);
  bench.require_cycles<resflow::Mvau<Conv1>>("conv1 mvau", 12);
  bench.require_cycles<resflow::Dwc<Conv2Dwc>>("conv2_dwc dwc", 12);
  bench.require_cycles<resflow::Swg<Conv2>>("conv2 swg", 116);
  bench.require_cycles<resflow::Mvau<Conv2>>("conv2 mvau", 216);
  bench.require_cycles<resflow::Dwc<Conv3Dwc>>("conv3_dwc dwc", 12);
  bench.require_cycles<resflow::Mvu<Conv3>>("conv3 mvu", 18);
  bench.require_cycles<resflow::Search<Conv3Act>>("conv3_act search", 18);
  bench.require_cycles<resflow::Dwc<JoinCommonDwc>>("join_common_dwc dwc", 12);
  bench.require_cycles<resflow::Dwc<JoinDwc>>("join_dwc dwc", 18);
  bench.require_cycles<resflow::Join<Join>>("join join", 18);
  return bench.verdict();
}
