// res2c: 2x3x6 -> 2x3x6, basic, projection bypass; 324 cycles a frame, set by conv1.
// Generated from the description of network wide, res2c. Edit that, not this.
#include "res2c.h"

#include "res2c_roms.h"
#include "resflow/dwc.h"
#include "resflow/fork.h"
#include "resflow/join_sum.h"
#include "resflow/mvau.h"
#include "resflow/mvu.h"
#include "resflow/search.h"
#include "resflow/swg.h"
#include "resflow/table.h"

void resflow_res2c(hls::stream<Beat<2, Int<4>>> &codes_in, hls::stream<Beat<2, Int<4>>> &codes_out) {
#pragma HLS INTERFACE axis port=codes_in
#pragma HLS INTERFACE axis port=codes_out
#pragma HLS INTERFACE ap_ctrl_none port=return
#pragma HLS DATAFLOW disable_start_propagation
  hls::stream<Beat<2, UInt<2>>> act("act");
  hls::stream<Beat<2, UInt<2>>> main_in("main_in");  // 2 rows: they arrive while the last windows of the frame before leave
#pragma HLS STREAM variable=main_in depth=18
  hls::stream<Beat<2, UInt<2>>> bypass("bypass");  // 6 rows: as many as the main path holds
#pragma HLS STREAM variable=bypass depth=54
  hls::stream<Beat<2, UInt<2>>> conv1_window("conv1_window");  // windows to compute while the first rows of the next frame arrive
#pragma HLS STREAM variable=conv1_window depth=9
  hls::stream<Beat<3, UInt<3>>> conv1_out("conv1_out");
  hls::stream<Beat<2, Int<10>>> conv2_sums("conv2_sums");
  hls::stream<Beat<1, Int<10>>> conv2_out("conv2_out");
  hls::stream<Beat<3, Int<9>>> bypass_sums("bypass_sums");
  hls::stream<Beat<1, Int<9>>> bypass_out("bypass_out");
  hls::stream<Beat<1, Int<10>>> sums("sums");
  hls::stream<Beat<1, Int<4>>> joined("joined");

  // Entry: thresholds, then a copy for each branch.
  resflow::table<Entry>(codes_in, entry_codes, act);
  resflow::fork<Fork>(act, main_in, bypass);

  // Main branch: 3x3/1, 1x1/1.
  resflow::swg<Conv1>(main_in, conv1_window);
  resflow::mvau<Conv1>(conv1_window, conv1_weights, conv1_thresholds, conv1_out);
  resflow::mvu<Conv2>(conv1_out, conv2_weights, conv2_sums);
  resflow::dwc<Conv2ActDwc>(conv2_sums, conv2_out);

  // Projection of the bypass: 1x1/1.
  resflow::mvu<Bypass>(bypass, bypass_weights, bypass_sums);
  resflow::dwc<BypassActDwc>(bypass_sums, bypass_out);

  // Sum of the branches, thresholds.
  resflow::join_sum<Join>(conv2_out, bypass_out, sums);
  resflow::search<Joined>(sums, joined_level0, joined_level1, joined_level2, joined_level3, joined);
  resflow::dwc<OutDwc>(joined, codes_out);
}
