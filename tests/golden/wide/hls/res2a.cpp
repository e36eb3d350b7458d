// res2a: 2x3x4 -> 2x3x6, basic, projection bypass; 216 cycles a frame, set by conv1.
// Generated from the description of network wide, res2a. Edit that, not this.
#include "res2a.h"

#include "res2a_roms.h"
#include "resflow/dwc.h"
#include "resflow/fork.h"
#include "resflow/join_sum.h"
#include "resflow/mvau.h"
#include "resflow/mvu.h"
#include "resflow/search.h"
#include "resflow/swg.h"
#include "resflow/table.h"

void resflow_res2a(hls::stream<Beat<2, Int<4>>> &codes_in, hls::stream<Beat<2, UInt<4>>> &codes_out) {
#pragma HLS INTERFACE axis port=codes_in
#pragma HLS INTERFACE axis port=codes_out
#pragma HLS INTERFACE ap_ctrl_none port=return
#pragma HLS DATAFLOW disable_start_propagation
  hls::stream<Beat<2, Int<4>>> main_in("main_in");
  hls::stream<Beat<2, Int<4>>> bypass_entry("bypass_entry");
  hls::stream<Beat<2, Int<2>>> bypass("bypass");  // 12 rows: as many as the main path holds
#pragma HLS STREAM variable=bypass depth=72
  hls::stream<Beat<2, UInt<3>>> act("act");  // 2 rows: they arrive while the last windows of the frame before leave
#pragma HLS STREAM variable=act depth=12
  hls::stream<Beat<2, UInt<3>>> conv1_window("conv1_window");  // windows to compute while the first rows of the next frame arrive
#pragma HLS STREAM variable=conv1_window depth=6
  hls::stream<Beat<2, Int<3>>> conv1_out("conv1_out");
  hls::stream<Beat<4, Int<3>>> conv2_in("conv2_in");  // 2 rows: they arrive while the last windows of the frame before leave
#pragma HLS STREAM variable=conv2_in depth=6
  hls::stream<Beat<4, Int<3>>> conv2_window("conv2_window");  // windows to compute while the first rows of the next frame arrive
#pragma HLS STREAM variable=conv2_window depth=3
  hls::stream<Beat<3, Int<9>>> conv2_sums("conv2_sums");
  hls::stream<Beat<1, Int<9>>> conv2_out("conv2_out");
  hls::stream<Beat<4, Int<2>>> bypass_in("bypass_in");
  hls::stream<Beat<2, Int<4>>> bypass_out("bypass_out");
  hls::stream<Beat<1, Int<4>>> join_in("join_in");
  hls::stream<Beat<1, Int<15>>> sums("sums");
  hls::stream<Beat<1, UInt<4>>> joined("joined");

  // Entry: a copy for each branch.
  resflow::fork<Fork>(codes_in, main_in, bypass_entry);

  // Bypass: thresholds.
  resflow::table<EntryBypass>(bypass_entry, entry_bypass_codes, bypass);

  // Main branch: 3x3/1, 3x3/1.
  resflow::table<Entry>(main_in, entry_codes, act);
  resflow::swg<Conv1, resflow::PadCodes<2>>(act, conv1_window);
  resflow::mvau<Conv1>(conv1_window, conv1_weights, conv1_thresholds, conv1_out);
  resflow::dwc<Conv2Dwc>(conv1_out, conv2_in);
  resflow::swg<Conv2>(conv2_in, conv2_window);
  resflow::mvu<Conv2>(conv2_window, conv2_weights, conv2_sums);
  resflow::dwc<Conv2ActDwc>(conv2_sums, conv2_out);

  // Projection of the bypass: 1x1/1.
  resflow::dwc<BypassDwc>(bypass, bypass_in);
  resflow::mvau<Bypass>(bypass_in, bypass_weights, bypass_thresholds, bypass_out);

  // Sum of the branches, thresholds.
  resflow::dwc<JoinDwc>(bypass_out, join_in);
  resflow::join_sum<Join>(conv2_out, join_in, join_factors, sums);
  resflow::search<Joined>(sums, joined_level0, joined_level1, joined_level2, joined_level3, joined);
  resflow::dwc<OutDwc>(joined, codes_out);
}
