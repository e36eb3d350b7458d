// Matrix-vector-threshold unit: a convolution over im2col windows, or a 1x1 convolution straight over pixels.
#pragma once

#include "formats.h"
#include "products.h"
#include "rom.h"
#include "window.h"

namespace resflow {

template <class Layer>
struct Mvau;

/// Matrix-vector-threshold unit (MVAU, after FINN). One process, II=1.
///   in       Beat<kPixels*kTaps*kSimd, In>  windows, (kernel_y, kernel_x, channel):  fold_in = K*K/kTaps * kIn/kSimd beats; of
///            several taps the same channels of each
///   out      Beat<kPixels*kPe, Out>         pixels, channels in order:               fold_out = kOut/kPe beats, each of kPixels pixels
///   cycles   pixels/kPixels * fold_in * fold_out a frame
///   storage  a row of kPe*kTaps*kSimd weights a tile, tile = nf*fold_in + sf; a row of kPe*n thresholds an output fold; an input buffer
///            of fold_in beats in kWindowStorage, where there is more than one output fold; of rows, see rom.h
///   products in LUTs, or with kDsp in DSPs: see pes.h
///   misuse   the windows of another kernel or stride leave beats over or keep it waiting; an Acc too narrow wraps without a sign;
///            folds that do not divide and a wrong number of thresholds are refused by static_assert
/// A window is read during its first output fold and kept for the others; PE p of fold nf is output channel nf*kPe + p. Of
/// kPixels windows side by side each has its own accumulators and all share the weights.
template <class Layer, class Word, unsigned weight_roms, unsigned words, class T, unsigned threshold_roms, unsigned integers>
void mvau(hls::stream<Beat<Layer::kPixels * Layer::kTaps * Layer::kSimd, typename Layer::In>> &in,
          const Word (&weights)[weight_roms][Window<Layer>::kBeats * (Layer::kOut / Layer::kPe)][words],
          const T (&thresholds)[threshold_roms][Layer::kOut / Layer::kPe][integers],
          hls::stream<Beat<Layer::kPixels * Layer::kPe, typename Layer::Out>> &out) {
#pragma HLS ARRAY_PARTITION variable=weights complete dim=1
#pragma HLS ARRAY_RESHAPE variable=weights complete dim=3
#pragma HLS ARRAY_PARTITION variable=thresholds complete dim=1
#pragma HLS ARRAY_RESHAPE variable=thresholds complete dim=3
  static_assert(rows_hold(threshold_roms, integers, Layer::kPe * ((1u << Layer::Out::kBits) - 1)),
                "n thresholds separate n + 1 codes: change Out or the thresholds");
  products<Mvau<Layer>, Layer, typename Layer::Out>(in, weights, thresholds, out);
}

}  // namespace resflow
