// stem: 6x5x3 -> 3x2x4; 540 cycles a frame, set by conv.
// Generated from the description of network toy, stem. Edit that, not this.
#include "stem.h"

#include "stem_roms.h"
#include "resflow/dwc.h"
#include "resflow/max_pool.h"
#include "resflow/mvau.h"
#include "resflow/swg.h"

void resflow_stem(hls::stream<Beat<3, UInt<8>>> &image, hls::stream<Beat<4, UInt<2>>> &codes_out) {
#pragma HLS INTERFACE axis port=image
#pragma HLS INTERFACE axis port=codes_out
#pragma HLS INTERFACE ap_ctrl_none port=return
#pragma HLS DATAFLOW disable_start_propagation
  hls::stream<Beat<3, UInt<8>>> conv_window("conv_window");  // windows to compute while the first rows of the next frame arrive
#pragma HLS STREAM variable=conv_window depth=5
  hls::stream<Beat<2, UInt<2>>> conv_out("conv_out");  // 3 rows: they arrive while the last windows of the frame before leave
#pragma HLS STREAM variable=conv_out depth=30
  hls::stream<Beat<2, UInt<2>>> pool_window("pool_window");
  hls::stream<Beat<2, UInt<2>>> pool_out("pool_out");

  // Convolution: 3x3/1.
  resflow::swg<Conv>(image, conv_window);
  resflow::mvau<Conv>(conv_window, conv_weights, conv_thresholds, conv_out);

  // Max-pool: 3x3/2.
  resflow::swg<Pool>(conv_out, pool_window);
  resflow::max_pool<Pool>(pool_window, pool_out);
  resflow::dwc<OutDwc>(pool_out, codes_out);
}
