// head: 3x2x6 -> 3 of 5 labels; 18 cycles a frame, set by pool.
// Generated from the description of network toy, head. Edit that, not this.
#include "head.h"

#include "resflow/accumulate_pool.h"
#include "resflow/dense.h"
#include "resflow/dwc.h"
#include "resflow/loaded.h"
#include "resflow/top_k.h"

// 6 -> 5 scores, with the constants that were loaded last.
static void fc_loaded(hls::stream<Beat<2, UInt<6>>> &sums,
                      hls::stream<Beat<2, Int<8>>> &weights_in,
                      hls::stream<Beat<1, UInt<64>>> &constants_in,
                      hls::stream<Beat<1, Int<32>>> &scores) {
  static ap_int<32> fc_bias[1][5][1];
  resflow::Rows<Fc::kBiasStorage>::hold(fc_bias);
  resflow::take<resflow::Dense<Fc>, Fc::kBiasRow>(constants_in, fc_bias);
  resflow::dense<Fc>(sums, weights_in, fc_bias, scores);
}

void resflow_head(hls::stream<Beat<2, UInt<4>>> &codes_in,
                  hls::stream<Beat<6, Int<8>>> &weights,
                  hls::stream<Beat<1, UInt<32>>> &labels,
                  hls::stream<Beat<1, UInt<64>>> &constants_in) {
#pragma HLS INTERFACE axis port=codes_in
#pragma HLS INTERFACE axis port=weights
#pragma HLS INTERFACE axis port=labels
#pragma HLS INTERFACE axis port=constants_in
#pragma HLS INTERFACE ap_ctrl_none port=return
#pragma HLS DATAFLOW disable_start_propagation
  hls::stream<Beat<2, UInt<6>>> sums("sums");
  hls::stream<Beat<2, Int<8>>> weights_in("weights_in");
  hls::stream<Beat<1, Int<32>>> scores("scores");

  // Sum over all pixels.
  resflow::accumulate_pool<Pool>(codes_in, sums);

  // Fully connected layer.
  resflow::dwc<WeightsDwc>(weights, weights_in);
  fc_loaded(sums, weights_in, constants_in, scores);

  // Labels of the largest scores.
  resflow::top_k<Top>(scores, labels);
}
