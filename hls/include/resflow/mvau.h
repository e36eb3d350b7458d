// Matrix-vector-threshold unit: a convolution over im2col windows, or a 1x1 convolution straight over pixels.
#pragma once

#include <hls_stream.h>

#include "dot.h"
#include "formats.h"
#include "simulation.h"
#include "threshold.h"
#include "window.h"

namespace resflow {

template <class Layer>
struct Mvau;

/// Matrix-vector-threshold unit (MVAU, after FINN). One process, II=1.
///   in       Beat<kSimd, In>  the window, (kernel_y, kernel_x, channel): fold_in = K*K*kIn/kSimd beats a pixel
///   out      Beat<kPe, Out>   channels in order:                         fold_out = kOut/kPe   beats a pixel
///   cycles   pixels * fold_in * fold_out a frame
///   storage  weights[pe][tile][word], tile = nf*fold_in + sf; thresholds[pe][nf][n]; an input buffer of fold_in beats
/// A window is read during its first output fold and kept for the others; PE p of fold nf is output channel nf*kPe + p.
template <class Layer, class Word, unsigned words, class T, unsigned n>
void mvau(hls::stream<Beat<Layer::kSimd, typename Layer::In>> &in,
          const Word (&weights)[Layer::kPe][Window<Layer>::kBeats * (Layer::kOut / Layer::kPe)][words],
          const T (&thresholds)[Layer::kPe][Layer::kOut / Layer::kPe][n],
          hls::stream<Beat<Layer::kPe, typename Layer::Out>> &out) {
#pragma HLS ARRAY_PARTITION variable=weights complete dim=1
#pragma HLS ARRAY_PARTITION variable=weights complete dim=3
#pragma HLS ARRAY_PARTITION variable=thresholds complete dim=1
#pragma HLS ARRAY_PARTITION variable=thresholds complete dim=3
  static_assert(Layer::kOut % Layer::kPe == 0, "each PE computes the same number of channels: kPe must divide kOut");
  static_assert(n == (1u << Layer::Out::kBits) - 1, "n thresholds tell n + 1 codes apart: change Out or the thresholds");
  using MAC = Dot<Layer::kSimd, typename Layer::In, typename Layer::Weight, typename Layer::Acc>;
  using Acc = typename Layer::Acc::Value;
  constexpr unsigned kFoldIn = Window<Layer>::kBeats;
  constexpr unsigned kFoldOut = Layer::kOut / Layer::kPe;

  typename MAC::Operand window[kFoldIn];
  Acc acc[Layer::kPe];
#pragma HLS ARRAY_PARTITION variable=acc complete
  Acc offset = 0;
  unsigned nf = 0, sf = 0;
Mvau_Tiles:
  for (unsigned i = 0; i < Window<Layer>::kPixels * kFoldOut * kFoldIn; ++i) {
#pragma HLS PIPELINE II=1
    // Invariant: i = pixel*kFoldOut*kFoldIn + tile, tile = nf*kFoldIn + sf.
    fire<Mvau<Layer>>();
    const unsigned tile = nf * kFoldIn + sf;
    typename MAC::Operand operand;
    if (nf == 0) {
      operand = MAC::operand(in.read());
      window[sf] = operand;
    } else {
      operand = window[sf];
    }
    offset = (sf == 0 ? Acc(0) : offset) + MAC::offset(operand);
    Beat<Layer::kPe, typename Layer::Out> codes = 0;
    for (unsigned pe = 0; pe < Layer::kPe; ++pe) {
#pragma HLS UNROLL
      const auto word = packed<Layer::kSimd * Layer::Weight::kBits>(weights[pe][tile]);
      acc[pe] = (sf == 0 ? Acc(0) : acc[pe]) + MAC::dot(operand, word);
      // The difference is in range though the two terms may have wrapped: two's complement forgives that.
      set_lane<typename Layer::Out>(codes, pe, crossed(Acc(acc[pe] - offset), thresholds[pe][nf]));
    }
    if (sf == kFoldIn - 1) {
      out.write(codes);
      sf = 0;
      nf = nf == kFoldOut - 1 ? 0 : nf + 1;
    } else {
      ++sf;
    }
  }
}

}  // namespace resflow
