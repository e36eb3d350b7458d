// Matrix-vector unit: a convolution whose sums go to a join as they are.
#pragma once

#include "formats.h"
#include "products.h"
#include "window.h"

namespace resflow {

template <class Layer>
struct Mvu;

/// Matrix-vector unit: as mvau, without thresholds. One process, II=1.
///   in       Beat<kPixels*kTaps*kSimd, In>  windows, (kernel_y, kernel_x, channel):  fold_in = K*K/kTaps * kIn/kSimd beats; of
///            several taps the same channels of each
///   out      Beat<kPixels*kPe, Acc>         the sums of pixels, channels in order:   fold_out = kOut/kPe beats, each of kPixels pixels
///   cycles   pixels/kPixels * fold_in * fold_out a frame
///   storage  a row of kPe*kTaps*kSimd weights a tile, tile = nf*fold_in + sf; an input buffer of fold_in beats in kWindowStorage, where
///            there is more than one output fold; of rows, see rom.h
///   products in LUTs, or with kDsp in DSPs: see pes.h
///   misuse   the windows of another kernel or stride leave beats over or keep it waiting; an Acc too narrow wraps without a sign;
///            folds that do not divide are refused by static_assert
template <class Layer, class Word, unsigned weight_roms, unsigned words>
void mvu(hls::stream<Beat<Layer::kPixels * Layer::kTaps * Layer::kSimd, typename Layer::In>> &in,
         const Word (&weights)[weight_roms][Window<Layer>::kBeats * (Layer::kOut / Layer::kPe)][words],
         hls::stream<Beat<Layer::kPixels * Layer::kPe, typename Layer::Acc>> &out) {
#pragma HLS ARRAY_PARTITION variable=weights complete dim=1
#pragma HLS ARRAY_RESHAPE variable=weights complete dim=3
  products<Mvu<Layer>, Layer, typename Layer::Acc>(in, weights, NoThresholds(), out);
}

}  // namespace resflow
