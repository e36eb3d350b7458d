// head: 3x2x6 -> 3 of 5 labels; 18 cycles a frame, set by pool.
// Generated from the description of network toy, head. Edit that, not this.
#include "head.h"

#include "head_roms.h"
#include "resflow/accumulate_pool.h"
#include "resflow/dense.h"
#include "resflow/top_k.h"
#include "resflow/weight_rom.h"

void resflow_head(hls::stream<Beat<2, UInt<4>>> &codes_in, hls::stream<Beat<1, UInt<32>>> &labels) {
#pragma HLS INTERFACE axis port=codes_in
#pragma HLS INTERFACE axis port=labels
#pragma HLS INTERFACE ap_ctrl_none port=return
#pragma HLS DATAFLOW disable_start_propagation
  hls::stream<Beat<2, UInt<6>>> sums("sums");
  hls::stream<Beat<2, Int<8>>> weights("weights");
  hls::stream<Beat<1, Int<32>>> scores("scores");

  // Sum over all pixels.
  resflow::accumulate_pool<Pool>(codes_in, sums);

  // Fully connected layer.
  resflow::weight_rom<WeightRom>(fc_weights, weights);
  resflow::dense<Fc>(sums, weights, fc_bias, scores);

  // Labels of the largest scores.
  resflow::top_k<Top>(scores, labels);
}
