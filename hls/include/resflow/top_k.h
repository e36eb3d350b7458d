// The labels of the largest scores.
#pragma once

#include "counter.h"
#include "formats.h"
#include "simulation.h"

namespace resflow {

/// Put the score of label i in its place among those of the labels before it. A score must be larger to overtake, so that of equal scores the
/// lower label comes first.
template <class Score, class Label, unsigned top>
void insert(Score (&score)[top], Label (&label)[top], unsigned i, const Score &next) {
#pragma HLS INLINE
  // From the last place up: the old value one place above is still there when it is needed.
  for (unsigned k = top; k-- > 0;) {
#pragma HLS UNROLL
    const bool overtakes = k >= i || next > score[k];
    const bool overtakes_above = k > 0 && (k - 1 >= i || next > score[k - 1]);
    if (overtakes_above) {
      score[k] = score[k - 1];
      label[k] = label[k - 1];
    } else if (overtakes) {
      score[k] = next;
      label[k] = i;
    }
  }
}

template <class Layer>
struct TopK;

/// Keeps the kTop best in order while the scores pass, then sends their labels, best first. One process, II=1.
///   in       Beat<1, Score>      kClasses a frame, in the order of the labels
///   out      Beat<1, UInt<32>>   kTop a frame
///   cycles   kClasses + kTop a frame
///   storage  kTop scores and labels in registers
///   misuse   fewer than kClasses scores a frame keep it waiting; more shift every label after; more labels than classes are
///            refused by static_assert. vivado_hls ends above 1,024 registers (XFORM 203-103)
template <class Layer>
void top_k(hls::stream<Beat<1, typename Layer::Score>> &in, hls::stream<Beat<1, UInt<32>>> &out) {
  using Score = typename Layer::Score::Value;
  static_assert(Layer::kTop <= Layer::kClasses, "there are only kClasses labels to send");
  Score score[Layer::kTop];
  ap_uint<bits_up_to(Layer::kClasses - 1)> label[Layer::kTop];
#pragma HLS ARRAY_PARTITION variable=score complete
#pragma HLS ARRAY_PARTITION variable=label complete
TopK_Scores:
  for (unsigned i = 0; i < Layer::kClasses + Layer::kTop; ++i) {
#pragma HLS PIPELINE II=1 style=frp
    fire<TopK<Layer>>();
    if (i < Layer::kClasses) {
      insert(score, label, i, Score(lane<typename Layer::Score>(in.read(), 0)));
    } else {
      out.write(label[i - Layer::kClasses]);
    }
  }
}

}  // namespace resflow
