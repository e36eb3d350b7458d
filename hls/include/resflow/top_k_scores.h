// The labels of the largest scores, and these scores.
#pragma once

#include "formats.h"
#include "simulation.h"
#include "top_k.h"

namespace resflow {

template <class Layer>
struct TopKScores;

/// As top_k, and the scores behind the labels: words of 32 bits, where wider scores take two, the low one first, from an even word on, and
/// a 0 fills up where the labels end at an odd one. One process, II=1.
///   in       Beat<1, Score>      kClasses a frame, in the order of the labels
///   out      Beat<1, UInt<32>>   kWords a frame
///   cycles   kClasses + kWords a frame
///   storage  kTop scores and labels in registers
///   misuse   fewer than kClasses scores a frame keep it waiting; more shift every label after; more labels than classes, and kWords
///            that are not those of kTop labels and scores, are refused by static_assert. vivado_hls ends above 1,024 registers
///            (XFORM 203-103)
template <class Layer>
void top_k_scores(hls::stream<Beat<1, typename Layer::Score>> &in, hls::stream<Beat<1, UInt<32>>> &out) {
  using Score = typename Layer::Score::Value;
  constexpr unsigned kScoreWords = Layer::Score::kBits <= 32 ? 1 : 2;
  constexpr unsigned kFirst = (Layer::kTop + kScoreWords - 1) / kScoreWords * kScoreWords;  // word of the scores
  static_assert(Layer::kTop <= Layer::kClasses, "there are only kClasses labels to send");
  static_assert(Layer::kWords == kFirst + Layer::kTop * kScoreWords, "labels, then scores of one word or two");
  Score score[Layer::kTop];
  ap_uint<bits_up_to(Layer::kClasses - 1)> label[Layer::kTop];
#pragma HLS ARRAY_PARTITION variable=score complete
#pragma HLS ARRAY_PARTITION variable=label complete
TopKScores_Scores:
  for (unsigned i = 0; i < Layer::kClasses + Layer::kWords; ++i) {
#pragma HLS PIPELINE II=1 style=frp
    fire<TopKScores<Layer>>();
    if (i < Layer::kClasses) {
      insert(score, label, i, Score(lane<typename Layer::Score>(in.read(), 0)));
    } else {
      const unsigned word = i - Layer::kClasses;
      ap_uint<32> result = 0;
      if (word < Layer::kTop) {
        result = label[word];
      } else if (word >= kFirst) {
        const ap_int<64> wide = score[(word - kFirst) / kScoreWords];
        result = (word - kFirst) % kScoreWords ? wide.range(63, 32) : wide.range(31, 0);
      }
      out.write(result);
    }
  }
}

}  // namespace resflow
