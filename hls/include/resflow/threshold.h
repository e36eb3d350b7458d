// Thresholds: a code is the number of its channel's thresholds that a value reaches.
#pragma once

#include "counter.h"
#include "formats.h"
#include "simulation.h"

namespace resflow {

/// How many thresholds a value reaches. T must hold every threshold and compare with Value by value: a T too narrow cuts thresholds
/// off and counts wrong. In what order they stand does not matter.
template <class Value, class T, unsigned n>
unsigned crossed(const Value &value, const T (&thresholds)[n]) {
#pragma HLS INLINE
  unsigned code = 0;
  for (unsigned i = 0; i < n; ++i) {
#pragma HLS UNROLL
    code += thresholds[i] <= value;
  }
  return code;
}

template <class Layer>
struct Threshold;

/// Codes to codes, each channel with its own thresholds. One process, II=1.
///   in       Beat<kSimd, In>   channels fastest
///   out      Beat<kSimd, Out>  in the same order
///   cycles   kPixels * kIn/kSimd a frame
///   storage  thresholds[lane][beat of the pixel][n]
///   misuse   a frame whose pixels are not kIn channels meets the thresholds of other channels; another number of thresholds than
///            Out has codes above its lowest is refused by static_assert
template <class Layer, class T, unsigned n>
void threshold(hls::stream<Beat<Layer::kSimd, typename Layer::In>> &in,
               const T (&thresholds)[Layer::kSimd][Layer::kIn / Layer::kSimd][n],
               hls::stream<Beat<Layer::kSimd, typename Layer::Out>> &out) {
#pragma HLS ARRAY_PARTITION variable=thresholds complete dim=1
#pragma HLS ARRAY_PARTITION variable=thresholds complete dim=3
  static_assert(n == (1u << Layer::Out::kBits) - 1, "n thresholds separate n + 1 codes: change Out or the thresholds");
  constexpr unsigned kPixelBeats = Layer::kIn / Layer::kSimd;
  Counter<kPixelBeats - 1> beat_of_pixel = 0;
Threshold_Beats:
  for (unsigned i = 0; i < Layer::kPixels * kPixelBeats; ++i) {
#pragma HLS PIPELINE II=1 style=frp
    fire<Threshold<Layer>>();
    const Beat<Layer::kSimd, typename Layer::In> codes = in.read();
    Beat<Layer::kSimd, typename Layer::Out> result = 0;
    for (unsigned s = 0; s < Layer::kSimd; ++s) {
#pragma HLS UNROLL
      set_lane<typename Layer::Out>(result, s, crossed(lane<typename Layer::In>(codes, s), thresholds[s][beat_of_pixel]));
    }
    out.write(result);
    beat_of_pixel.advance();
  }
}

}  // namespace resflow
