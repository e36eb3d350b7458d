// res2a: 3x2x4 -> 3x2x6, basic, projection bypass; 216 cycles a frame, set by conv1.
// Generated from the description of network toy, res2a. Edit that, not this.
#include "res2a.h"

#include "res2a_roms.h"
#include "resflow/dwc.h"
#include "resflow/fork.h"
#include "resflow/join.h"
#include "resflow/mvau.h"
#include "resflow/mvu.h"
#include "resflow/search.h"
#include "resflow/swg.h"

void resflow_res2a(hls::stream<Beat<4, UInt<2>>> &codes_in, hls::stream<Beat<2, UInt<4>>> &codes_out) {
#pragma HLS INTERFACE axis port=codes_in
#pragma HLS INTERFACE axis port=codes_out
#pragma HLS INTERFACE ap_ctrl_none port=return
#pragma HLS DATAFLOW disable_start_propagation
  hls::stream<Beat<2, UInt<2>>> entry_in("entry_in");
  hls::stream<Beat<2, UInt<2>>> main_in("main_in");  // 2 rows: they arrive while the last windows of the frame before leave
#pragma HLS STREAM variable=main_in depth=8
  hls::stream<Beat<2, UInt<2>>> bypass("bypass");  // 12 rows: as many as the main path holds
#pragma HLS STREAM variable=bypass depth=48
  hls::stream<Beat<2, UInt<2>>> conv1_window("conv1_window");  // windows to compute while the first rows of the next frame arrive
#pragma HLS STREAM variable=conv1_window depth=4
  hls::stream<Beat<2, UInt<2>>> conv1_out("conv1_out");
  hls::stream<Beat<4, UInt<2>>> conv2_in("conv2_in");  // 2 rows: they arrive while the last windows of the frame before leave
#pragma HLS STREAM variable=conv2_in depth=4
  hls::stream<Beat<4, UInt<2>>> conv2_window("conv2_window");
  hls::stream<Beat<3, Int<8>>> conv2_sums("conv2_sums");
  hls::stream<Beat<1, Int<8>>> conv2_act_in("conv2_act_in");
  hls::stream<Beat<1, UInt<4>>> conv2_out("conv2_out");
  hls::stream<Beat<4, UInt<2>>> bypass_in("bypass_in");
  hls::stream<Beat<2, Int<5>>> bypass_sums("bypass_sums");
  hls::stream<Beat<2, UInt<4>>> bypass_out("bypass_out");
  hls::stream<Beat<1, UInt<4>>> join_in("join_in");
  hls::stream<Beat<1, UInt<4>>> joined("joined");

  // Entry: a copy for each branch.
  resflow::dwc<EntryDwc>(codes_in, entry_in);
  resflow::fork<Fork>(entry_in, main_in, bypass);

  // Main branch: 3x3/1, 3x3/1.
  resflow::swg<Conv1>(main_in, conv1_window);
  resflow::mvau<Conv1>(conv1_window, conv1_weights, conv1_thresholds, conv1_out);
  resflow::dwc<Conv2Dwc>(conv1_out, conv2_in);
  resflow::swg<Conv2>(conv2_in, conv2_window);
  resflow::mvu<Conv2>(conv2_window, conv2_weights, conv2_sums);
  resflow::dwc<Conv2ActDwc>(conv2_sums, conv2_act_in);
  resflow::search<Conv2Act>(conv2_act_in, conv2_act_level0, conv2_act_level1, conv2_act_level2, conv2_act_level3, conv2_out);

  // Projection of the bypass: 1x1/1.
  resflow::dwc<BypassDwc>(bypass, bypass_in);
  resflow::mvu<Bypass>(bypass_in, bypass_weights, bypass_sums);
  resflow::search<BypassAct>(bypass_sums, bypass_act_level0, bypass_act_level1, bypass_act_level2, bypass_act_level3, bypass_out);

  // Sum of the branches.
  resflow::dwc<JoinDwc>(bypass_out, join_in);
  resflow::join<Join>(conv2_out, join_in, joined);
  resflow::dwc<OutDwc>(joined, codes_out);
}
