// stem: 5x6x3 -> 2x3x4; 540 cycles a frame, set by conv.
// Generated from the description of network wide, stem. Edit that, not this.
#include "stem.h"

#include "stem_roms.h"
#include "resflow/max_pool.h"
#include "resflow/mvau.h"
#include "resflow/swg.h"
#include "resflow/table.h"

void resflow_stem(hls::stream<Beat<3, UInt<8>>> &image, hls::stream<Beat<2, Int<4>>> &codes_out) {
#pragma HLS INTERFACE axis port=image
#pragma HLS INTERFACE axis port=codes_out
#pragma HLS INTERFACE ap_ctrl_none port=return
#pragma HLS DATAFLOW disable_start_propagation
  hls::stream<Beat<3, Int<5>>> act("act");  // 2 rows: they arrive while the last windows of the frame before leave
#pragma HLS STREAM variable=act depth=12
  hls::stream<Beat<3, Int<5>>> conv_window("conv_window");  // windows to compute while the first rows of the next frame arrive
#pragma HLS STREAM variable=conv_window depth=6
  hls::stream<Beat<2, Int<4>>> conv_out("conv_out");  // 3 rows: they arrive while the last windows of the frame before leave
#pragma HLS STREAM variable=conv_out depth=36
  hls::stream<Beat<2, Int<4>>> pool_window("pool_window");

  // Entry: thresholds.
  resflow::table<Entry>(image, entry_codes, act);

  // Convolution: 3x3/1.
  resflow::swg<Conv, resflow::PadCodes<-3, 0, 7>>(act, conv_window);
  resflow::mvau<Conv>(conv_window, conv_weights, conv_thresholds, conv_out);

  // Max-pool: 3x3/2.
  resflow::swg<Pool, resflow::PadCodes<-8>>(conv_out, pool_window);
  resflow::max_pool<Pool>(pool_window, codes_out);
}
