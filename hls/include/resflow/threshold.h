// Thresholds: a code is the lowest one and one more for each of its channel's thresholds that a value reaches.
#pragma once

#include "counter.h"
#include "formats.h"
#include "rom.h"
#include "simulation.h"

namespace resflow {

/// The code of a value in a lane; `row` is that of its channel's thresholds. T must hold every threshold and compare with Value by value: a
/// T too narrow cuts thresholds off and counts wrong. In what order they stand does not matter.
template <class Out, class Value, class T, unsigned roms, unsigned rows, unsigned integers>
typename Out::Value crossed(const Value &value, const T (&thresholds)[roms][rows][integers], unsigned row, unsigned lane) {
#pragma HLS INLINE
  constexpr unsigned n = (1u << Out::kBits) - 1;
  unsigned reached = 0;
  for (unsigned i = 0; i < n; ++i) {
#pragma HLS UNROLL
    reached += element(thresholds, row, lane * n + i) <= value;
  }
  return typename Out::Value(int(reached) + Out::lowest());
}

template <class Layer>
struct Threshold;

/// Integers to codes, each channel with its own thresholds. One process, II=1.
///   in       Beat<kSimd, In>   channels fastest
///   out      Beat<kSimd, Out>  in the same order
///   cycles   kPixels * kIn/kSimd a frame
///   storage  a row of kSimd*n thresholds a beat of the pixel; see rom.h
///   misuse   a frame whose pixels are not kIn channels meets the thresholds of other channels; another number of thresholds than
///            Out has codes above its lowest is refused by static_assert
template <class Layer, class T, unsigned roms, unsigned integers>
void threshold(hls::stream<Beat<Layer::kSimd, typename Layer::In>> &in,
               const T (&thresholds)[roms][Layer::kIn / Layer::kSimd][integers],
               hls::stream<Beat<Layer::kSimd, typename Layer::Out>> &out) {
#pragma HLS ARRAY_PARTITION variable=thresholds complete dim=1
#pragma HLS ARRAY_RESHAPE variable=thresholds complete dim=3
  static_assert(rows_hold(roms, integers, Layer::kSimd * ((1u << Layer::Out::kBits) - 1)),
                "n thresholds separate n + 1 codes: change Out or the thresholds");
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
      const auto value = lane<typename Layer::In>(codes, s);
      set_lane<typename Layer::Out>(result, s, crossed<typename Layer::Out>(value, thresholds, beat_of_pixel, s));
    }
    out.write(result);
    beat_of_pixel.advance();
  }
}

}  // namespace resflow
