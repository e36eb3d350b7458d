// head: 2x3x6 -> 3 of 5 labels and scores; 18 cycles a frame, set by pool.
// Generated from the description of network wide, head. Edit that, not this.
#include "head.h"

#include "head_roms.h"
#include "resflow/dense.h"
#include "resflow/global_max.h"
#include "resflow/scale_scores.h"
#include "resflow/table.h"
#include "resflow/top_k_scores.h"
#include "resflow/weight_rom.h"

void resflow_head(hls::stream<Beat<2, Int<4>>> &codes_in, hls::stream<Beat<1, UInt<32>>> &labels) {
#pragma HLS INTERFACE axis port=codes_in
#pragma HLS INTERFACE axis port=labels
#pragma HLS INTERFACE ap_ctrl_none port=return
#pragma HLS DATAFLOW disable_start_propagation
  hls::stream<Beat<2, UInt<4>>> largest("largest");
  hls::stream<Beat<2, Int<3>>> pooled("pooled");
  hls::stream<Beat<2, Int<5>>> weights("weights");
  hls::stream<Beat<1, Int<10>>> products("products");
  hls::stream<Beat<1, Int<40>>> scores("scores");

  // Maximum over all pixels, thresholds.
  resflow::global_max<Pool>(codes_in, largest);
  resflow::table<Pooled>(largest, pooled_codes, pooled);

  // Fully connected layer.
  resflow::weight_rom<WeightRom>(fc_weights, weights);
  resflow::dense<Fc>(pooled, weights, products);
  resflow::scale_scores<Scale>(products, scale_factors, scale_bias, scores);

  // Labels of the largest scores, and these.
  resflow::top_k_scores<Top>(scores, labels);
}
