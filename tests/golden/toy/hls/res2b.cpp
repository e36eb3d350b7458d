// res2b: 3x2x6 -> 3x2x6, bottleneck, identity bypass; 216 cycles a frame, set by conv2.
// Generated from the description of network toy, res2b. Edit that, not this.
#include "res2b.h"

#include "res2b_roms.h"
#include "resflow/dwc.h"
#include "resflow/fork.h"
#include "resflow/join.h"
#include "resflow/mvau.h"
#include "resflow/mvu.h"
#include "resflow/search.h"
#include "resflow/swg.h"
#include "resflow/table.h"

void resflow_res2b(hls::stream<Beat<6, UInt<4>>> &codes_in, hls::stream<Beat<2, UInt<4>>> &codes_out) {
#pragma HLS INTERFACE axis port=codes_in
#pragma HLS INTERFACE axis port=codes_out
#pragma HLS INTERFACE ap_ctrl_none port=return
#pragma HLS DATAFLOW disable_start_propagation
  hls::stream<Beat<3, UInt<4>>> entry_in("entry_in");
  hls::stream<Beat<3, UInt<4>>> main_in("main_in");
  hls::stream<Beat<3, UInt<4>>> bypass("bypass");  // 6 rows: as many as the main path holds
#pragma HLS STREAM variable=bypass depth=24
  hls::stream<Beat<3, UInt<2>>> act("act");
  hls::stream<Beat<4, UInt<2>>> conv1_out("conv1_out");
  hls::stream<Beat<2, UInt<2>>> conv2_in("conv2_in");  // 2 rows: they arrive while the last windows of the frame before leave
#pragma HLS STREAM variable=conv2_in depth=8
  hls::stream<Beat<2, UInt<2>>> conv2_window("conv2_window");  // windows to compute while the first rows of the next frame arrive
#pragma HLS STREAM variable=conv2_window depth=4
  hls::stream<Beat<2, UInt<2>>> conv2_out("conv2_out");
  hls::stream<Beat<4, UInt<2>>> conv3_in("conv3_in");
  hls::stream<Beat<2, Int<7>>> conv3_sums("conv3_sums");
  hls::stream<Beat<2, UInt<4>>> conv3_out("conv3_out");
  hls::stream<Beat<6, UInt<4>>> join_common_in("join_common_in");
  hls::stream<Beat<2, UInt<4>>> join_in("join_in");

  // Entry: a copy for each branch.
  resflow::dwc<EntryDwc>(codes_in, entry_in);
  resflow::fork<Fork>(entry_in, main_in, bypass);

  // Main branch: 1x1/1, 3x3/1, 1x1/1.
  resflow::table<Entry>(main_in, entry_codes, act);
  resflow::mvau<Conv1>(act, conv1_weights, conv1_thresholds, conv1_out);
  resflow::dwc<Conv2Dwc>(conv1_out, conv2_in);
  resflow::swg<Conv2>(conv2_in, conv2_window);
  resflow::mvau<Conv2>(conv2_window, conv2_weights, conv2_thresholds, conv2_out);
  resflow::dwc<Conv3Dwc>(conv2_out, conv3_in);
  resflow::mvu<Conv3>(conv3_in, conv3_weights, conv3_sums);
  resflow::search<Conv3Act>(conv3_sums, conv3_act_level0, conv3_act_level1, conv3_act_level2, conv3_act_level3, conv3_out);

  // Sum of the branches.
  resflow::dwc<JoinCommonDwc>(bypass, join_common_in);
  resflow::dwc<JoinDwc>(join_common_in, join_in);
  resflow::join<Join>(conv3_out, join_in, codes_out);
}
