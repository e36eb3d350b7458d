// Matrix-vector-threshold unit: a convolution over im2col windows, or a 1x1 convolution straight over pixels.
#pragma once

#include "counter.h"
#include "dot.h"
#include "formats.h"
#include "rom.h"
#include "simulation.h"
#include "storage.h"
#include "threshold.h"
#include "window.h"

namespace resflow {

template <class Layer>
struct Mvau;

/// Matrix-vector-threshold unit (MVAU, after FINN). One process, II=1.
///   in       Beat<kPixels*kSimd, In>  windows, (kernel_y, kernel_x, channel):  fold_in = K*K*kIn/kSimd beats
///   out      Beat<kPixels*kPe, Out>   pixels, channels in order:               fold_out = kOut/kPe beats
///   cycles   pixels/kPixels * fold_in * fold_out a frame
///   storage  a row of kPe*kSimd weights a tile, tile = nf*fold_in + sf; a row of kPe*n thresholds an output fold; an input buffer
///            of fold_in beats in kWindowStorage, where there is more than one output fold; of rows, see rom.h
///   misuse   the windows of another kernel or stride leave beats over or keep it waiting; an Acc too narrow wraps without a sign;
///            folds that do not divide and a wrong number of thresholds are refused by static_assert
/// A window is read during its first output fold and kept for the others; PE p of fold nf is output channel nf*kPe + p. Of
/// kPixels windows side by side each has its own accumulators and all share the weights.
template <class Layer, class Word, unsigned weight_roms, unsigned words, class T, unsigned threshold_roms, unsigned integers>
void mvau(hls::stream<Beat<Layer::kPixels * Layer::kSimd, typename Layer::In>> &in,
          const Word (&weights)[weight_roms][Window<Layer>::kBeats * (Layer::kOut / Layer::kPe)][words],
          const T (&thresholds)[threshold_roms][Layer::kOut / Layer::kPe][integers],
          hls::stream<Beat<Layer::kPixels * Layer::kPe, typename Layer::Out>> &out) {
#pragma HLS ARRAY_PARTITION variable=weights complete dim=1
#pragma HLS ARRAY_RESHAPE variable=weights complete dim=3
#pragma HLS ARRAY_PARTITION variable=thresholds complete dim=1
#pragma HLS ARRAY_RESHAPE variable=thresholds complete dim=3
  static_assert(Layer::kOut % Layer::kPe == 0, "each PE computes the same number of channels: kPe must divide kOut");
  static_assert(Layer::kPixels == 1 || Layer::kPe == Layer::kOut, "pixels leave in raster order: kPixels above 1 needs kPe = kOut");
  static_assert(rows_hold(threshold_roms, integers, Layer::kPe * ((1u << Layer::Out::kBits) - 1)),
                "n thresholds separate n + 1 codes: change Out or the thresholds");
  using MAC = Dot<Layer::kSimd, typename Layer::In, typename Layer::Weight, typename Layer::Acc>;
  using Acc = typename Layer::Acc::Value;
  constexpr unsigned kFoldIn = Window<Layer>::kBeats;
  constexpr unsigned kFoldOut = Layer::kOut / Layer::kPe;
  constexpr unsigned kKept = kFoldOut > 1 ? kFoldIn : 1;  // beats of a window, where it is needed again
  constexpr unsigned kPixelBits = Layer::kSimd * Layer::In::kBits;

  Beat<Layer::kPixels * Layer::kSimd, typename Layer::In> window[kKept];
  Memory<Layer::kWindowStorage>::holds(window);
// A beat is read again kFoldIn iterations after it was written, then every kFoldIn more.
#pragma HLS DEPENDENCE variable=window inter RAW distance=kFoldIn true
  Acc acc[Layer::kPixels][Layer::kPe], offset[Layer::kPixels];
#pragma HLS ARRAY_PARTITION variable=acc complete dim=0
#pragma HLS ARRAY_PARTITION variable=offset complete
  Counter<kFoldOut - 1> nf = 0;
  Counter<kFoldIn - 1> sf = 0;
  Counter<kFoldOut * kFoldIn - 1> tile = 0;  // counted beside nf and sf, since computed from them it would be a multiplication
Mvau_Tiles:
  for (unsigned i = 0; i < Window<Layer>::kGroups * kFoldOut * kFoldIn; ++i) {
#pragma HLS PIPELINE II=1 style=frp
    // Invariant: i = group*kFoldOut*kFoldIn + tile, tile = nf*kFoldIn + sf.
    fire<Mvau<Layer>>();
    Beat<Layer::kPixels * Layer::kSimd, typename Layer::In> beat;
    if (kFoldOut == 1) {
      beat = in.read();
    } else if (nf == 0) {
      beat = in.read();
      window[sf] = beat;
    } else {
      beat = window[sf];
    }
    for (unsigned p = 0; p < Layer::kPixels; ++p) {
#pragma HLS UNROLL
      const typename MAC::Operand operand =
          MAC::operand(Beat<Layer::kSimd, typename Layer::In>(beat.range((p + 1) * kPixelBits - 1, p * kPixelBits)));
      offset[p] = (sf == 0 ? Acc(0) : offset[p]) + MAC::offset(operand);
      for (unsigned pe = 0; pe < Layer::kPe; ++pe) {
#pragma HLS UNROLL
        const auto word = weights_of<Layer>(weights, tile, pe);
        acc[p][pe] = (sf == 0 ? Acc(0) : acc[p][pe]) + MAC::dot(operand, word);
      }
    }
    if (sf == kFoldIn - 1) {
      Beat<Layer::kPixels * Layer::kPe, typename Layer::Out> codes = 0;
      for (unsigned p = 0; p < Layer::kPixels; ++p) {
#pragma HLS UNROLL
        for (unsigned pe = 0; pe < Layer::kPe; ++pe) {
#pragma HLS UNROLL
          // The difference is in range though the two terms may have wrapped: two's complement forgives that.
          const unsigned code = crossed<typename Layer::Out>(Acc(acc[p][pe] - offset[p]), thresholds, nf, pe);
          set_lane<typename Layer::Out>(codes, p * Layer::kPe + pe, code);
        }
      }
      out.write(codes);
    }
    tile.advance();
    if (sf.advance()) nf.advance();
  }
}

}  // namespace resflow
