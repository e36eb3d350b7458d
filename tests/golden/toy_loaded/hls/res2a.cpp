// res2a: 3x2x4 -> 3x2x6, basic, projection bypass; 216 cycles a frame, set by conv1.
// Generated from the description of network toy, res2a. Edit that, not this.
#include "res2a.h"

#include "res2a_roms.h"
#include "resflow/dwc.h"
#include "resflow/fork.h"
#include "resflow/join.h"
#include "resflow/loaded.h"
#include "resflow/mvau.h"
#include "resflow/mvu.h"
#include "resflow/search.h"
#include "resflow/swg.h"

// 3x3/1, 3x2x4 -> 3x2x6, fold 18, with the constants that were loaded last.
static void conv2_loaded(hls::stream<Beat<4, UInt<2>>> &conv2_window,
                         hls::stream<Beat<1, UInt<64>>> &constants_in,
                         hls::stream<Beat<3, Int<8>>> &conv2_sums,
                         hls::stream<Beat<1, UInt<64>>> &conv2_act_constants) {
  static ap_uint<12> conv2_weights[1][18][1];
  resflow::Rows<Conv2::kWeightsStorage>::hold(conv2_weights);
  resflow::take<resflow::Mvu<Conv2>, Conv2::kWeightsRow>(constants_in, conv2_act_constants, conv2_weights);
  resflow::mvu<Conv2>(conv2_window, conv2_weights, conv2_sums);
}

// 3x2x6, int8 -> uint4, with the constants that were loaded last.
static void conv2_act_loaded(hls::stream<Beat<1, Int<8>>> &conv2_act_in,
                             hls::stream<Beat<1, UInt<64>>> &conv2_act_constants,
                             hls::stream<Beat<1, UInt<4>>> &conv2_out,
                             hls::stream<Beat<1, UInt<64>>> &bypass_constants) {
  static ap_int<8> conv2_act_level0[1][6][1];
  static ap_int<8> conv2_act_level1[1][12][1];
  static ap_int<8> conv2_act_level2[1][24][1];
  static ap_int<8> conv2_act_level3[1][48][1];
  resflow::Rows<Conv2Act::kLevel0Storage>::hold(conv2_act_level0);
  resflow::Rows<Conv2Act::kLevel1Storage>::hold(conv2_act_level1);
  resflow::Rows<Conv2Act::kLevel2Storage>::hold(conv2_act_level2);
  resflow::Rows<Conv2Act::kLevel3Storage>::hold(conv2_act_level3);
  resflow::take<resflow::Search<Conv2Act>, Conv2Act::kLevel0Row, Conv2Act::kLevel1Row, Conv2Act::kLevel2Row,
      Conv2Act::kLevel3Row>(
      conv2_act_constants, bypass_constants, conv2_act_level0, conv2_act_level1, conv2_act_level2, conv2_act_level3);
  resflow::search<Conv2Act>(conv2_act_in, conv2_act_level0, conv2_act_level1, conv2_act_level2, conv2_act_level3, conv2_out);
}

// 1x1/1, 3x2x4 -> 3x2x6, fold 3, with the constants that were loaded last.
static void bypass_loaded(hls::stream<Beat<4, UInt<2>>> &bypass_in,
                          hls::stream<Beat<1, UInt<64>>> &bypass_constants,
                          hls::stream<Beat<2, UInt<4>>> &bypass_out,
                          hls::stream<Beat<1, UInt<64>>> &constants_out) {
  static ap_uint<8> bypass_weights[1][3][1];
  static ap_int<5> bypass_thresholds[1][3][30];
  resflow::Rows<Bypass::kWeightsStorage>::hold(bypass_weights);
  resflow::Rows<Bypass::kThresholdsStorage>::hold(bypass_thresholds);
  resflow::take<resflow::Mvau<Bypass>, Bypass::kWeightsRow, Bypass::kThresholdsRow>(
      bypass_constants, constants_out, bypass_weights, bypass_thresholds);
  resflow::mvau<Bypass>(bypass_in, bypass_weights, bypass_thresholds, bypass_out);
}

void resflow_res2a(hls::stream<Beat<4, UInt<2>>> &codes_in,
                   hls::stream<Beat<2, UInt<4>>> &codes_out,
                   hls::stream<Beat<1, UInt<64>>> &constants_in,
                   hls::stream<Beat<1, UInt<64>>> &constants_out) {
#pragma HLS INTERFACE axis port=codes_in
#pragma HLS INTERFACE axis port=codes_out
#pragma HLS INTERFACE axis port=constants_in
#pragma HLS INTERFACE axis port=constants_out
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
  hls::stream<Beat<2, UInt<4>>> bypass_out("bypass_out");
  hls::stream<Beat<1, UInt<4>>> join_in("join_in");
  hls::stream<Beat<1, UInt<4>>> joined("joined");
  hls::stream<Beat<1, UInt<64>>> conv2_act_constants("conv2_act_constants");
  hls::stream<Beat<1, UInt<64>>> bypass_constants("bypass_constants");

  // Entry: a copy for each branch.
  resflow::dwc<EntryDwc>(codes_in, entry_in);
  resflow::fork<Fork>(entry_in, main_in, bypass);

  // Main branch: 3x3/1, 3x3/1.
  resflow::swg<Conv1>(main_in, conv1_window);
  resflow::mvau<Conv1>(conv1_window, conv1_weights, conv1_thresholds, conv1_out);
  resflow::dwc<Conv2Dwc>(conv1_out, conv2_in);
  resflow::swg<Conv2>(conv2_in, conv2_window);
  conv2_loaded(conv2_window, constants_in, conv2_sums, conv2_act_constants);
  resflow::dwc<Conv2ActDwc>(conv2_sums, conv2_act_in);
  conv2_act_loaded(conv2_act_in, conv2_act_constants, conv2_out, bypass_constants);

  // Projection of the bypass: 1x1/1.
  resflow::dwc<BypassDwc>(bypass, bypass_in);
  bypass_loaded(bypass_in, bypass_constants, bypass_out, constants_out);

  // Sum of the branches.
  resflow::dwc<JoinDwc>(bypass_out, join_in);
  resflow::join<Join>(conv2_out, join_in, joined);
  resflow::dwc<OutDwc>(joined, codes_out);
}
