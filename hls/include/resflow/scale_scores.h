// Scores of classes that have scales of their own: sums of the fully connected layer times a factor and plus a bias.
#pragma once

#include "counter.h"
#include "formats.h"
#include "multiply.h"
#include "rom.h"
#include "simulation.h"

namespace resflow {

template <class Layer>
struct ScaleScores;

/// score = factor * sum + bias. One process, II=1.
///   in       Beat<kLanes, In>   the classes in order
///   out      Beat<kLanes, Out>  in the same order
///   cycles   kClasses/kLanes a frame
///   storage  a row of kLanes factors and one of kLanes biases a beat; see rom.h
///   misuse   a frame of another number of classes meets the factors of other classes; an Out too narrow wraps without a sign; another
///            number of factors or biases is refused by static_assert
template <class Layer, class F, unsigned factor_roms, unsigned factor_integers, class B, unsigned bias_roms, unsigned bias_integers>
void scale_scores(hls::stream<Beat<Layer::kLanes, typename Layer::In>> &in,
                  const F (&factors)[factor_roms][Layer::kClasses / Layer::kLanes][factor_integers],
                  const B (&bias)[bias_roms][Layer::kClasses / Layer::kLanes][bias_integers],
                  hls::stream<Beat<Layer::kLanes, typename Layer::Out>> &out) {
#pragma HLS ARRAY_PARTITION variable=factors complete dim=1
#pragma HLS ARRAY_RESHAPE variable=factors complete dim=3
#pragma HLS ARRAY_PARTITION variable=bias complete dim=1
#pragma HLS ARRAY_RESHAPE variable=bias complete dim=3
  static_assert(rows_hold(factor_roms, factor_integers, Layer::kLanes), "a row holds the factors of kLanes classes; see hls/roms.py");
  static_assert(rows_hold(bias_roms, bias_integers, Layer::kLanes), "a row holds the bias of kLanes classes; see hls/roms.py");
  using Score = typename Layer::Out::Value;
  using Factor = typename Layer::Factor::Value;
  constexpr bool kNarrow = Layer::In::kBits <= 4 || Layer::Factor::kBits <= 4;
  Counter<Layer::kClasses / Layer::kLanes - 1> row = 0;
ScaleScores_Beats:
  for (unsigned i = 0; i < Layer::kClasses / Layer::kLanes; ++i) {
#pragma HLS PIPELINE II=1 style=frp
    fire<ScaleScores<Layer>>();
    const Beat<Layer::kLanes, typename Layer::In> sums = in.read();
    Beat<Layer::kLanes, typename Layer::Out> scores = 0;
    for (unsigned l = 0; l < Layer::kLanes; ++l) {
#pragma HLS UNROLL
      const Factor factor = element(factors, row, l);
      const Score scaled = Product<kNarrow>::of(factor, lane<typename Layer::In>(sums, l));
      set_lane<typename Layer::Out>(scores, l, scaled + Score(element(bias, row, l)));
    }
    out.write(scores);
    row.advance();
  }
}

}  // namespace resflow
