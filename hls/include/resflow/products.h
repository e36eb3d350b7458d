// The loop of mvau.h and mvu.h, which multiply alike and differ in what they do with a sum.
#pragma once

#include "counter.h"
#include "formats.h"
#include "pes.h"
#include "rom.h"
#include "simulation.h"
#include "storage.h"
#include "threshold.h"
#include "window.h"

namespace resflow {

/// In place of thresholds: sums leave as they are. UNCONFIRMED: that the tools take an argument without members, of functions they inline.
struct NoThresholds {};

template <class Out, class Acc, class T, unsigned roms, unsigned rows, unsigned integers>
typename Out::Value ended(const Acc &sum, const T (&thresholds)[roms][rows][integers], unsigned row, unsigned lane) {
#pragma HLS INLINE
  return crossed<Out>(sum, thresholds, row, lane);
}

template <class Out, class Acc>
typename Out::Value ended(const Acc &sum, const NoThresholds &, unsigned, unsigned) {
#pragma HLS INLINE
  return sum;
}

/// Sums of products over windows, and what `thresholds` make of them, as Out. Its user is the process, whose firings are counted as Unit's.
template <class Unit, class Layer, class Out, class Weights, class Thresholds>
void products(hls::stream<Beat<Layer::kPixels * Layer::kTaps * Layer::kSimd, typename Layer::In>> &in, const Weights &weights,
              const Thresholds &thresholds, hls::stream<Beat<Layer::kPixels * Layer::kPe, Out>> &out) {
#pragma HLS INLINE
  static_assert(Layer::kOut % Layer::kPe == 0, "each PE computes the same number of channels: kPe must divide kOut");
  constexpr unsigned kLanes = Layer::kTaps * Layer::kSimd;  // of a pixel in a beat
  using Acc = typename Layer::Acc::Value;
  constexpr unsigned kFoldIn = Window<Layer>::kBeats;
  constexpr unsigned kFoldOut = Layer::kOut / Layer::kPe;
  constexpr unsigned kKept = kFoldOut > 1 ? kFoldIn : 1;  // beats of a window, where it is needed again

  Beat<Layer::kPixels * kLanes, typename Layer::In> window[kKept];
  Memory<Layer::kWindowStorage>::holds(window);
// A beat is read again kFoldIn iterations after it was written, then every kFoldIn more.
#pragma HLS DEPENDENCE variable=window inter RAW distance=kFoldIn true
  Acc acc[Layer::kPixels][Layer::kPe], offset[Layer::kPixels];
#pragma HLS ARRAY_PARTITION variable=acc complete dim=0
#pragma HLS ARRAY_PARTITION variable=offset complete
  Counter<kFoldOut - 1> nf = 0;
  Counter<kFoldIn - 1> sf = 0;
  Counter<kFoldOut * kFoldIn - 1> tile = 0;  // counted beside nf and sf, since computed from them it would be a multiplication
Products_Tiles:
  for (unsigned i = 0; i < Window<Layer>::kGroups * kFoldOut * kFoldIn; ++i) {
#pragma HLS PIPELINE II=1 style=frp
    // Invariant: i = group*kFoldOut*kFoldIn + tile, tile = nf*kFoldIn + sf.
    fire<Unit>();
    Beat<Layer::kPixels * kLanes, typename Layer::In> beat;
    if (kFoldOut == 1) {
      beat = in.read();
    } else if (nf == 0) {
      beat = in.read();
      window[sf] = beat;
    } else {
      beat = window[sf];
    }
    ap_uint<kLanes * Layer::Weight::kBits> words[Layer::kPe];
#pragma HLS ARRAY_PARTITION variable=words complete
    for (unsigned pe = 0; pe < Layer::kPe; ++pe) {
#pragma HLS UNROLL
      words[pe] = weights_of<kLanes, Layer>(weights, tile, pe);
    }
    Pes<kLanes, Layer::kPixels, Layer, Layer::kDsp>::template add<kFoldIn>(beat, words, sf == 0, acc, offset);
    if (sf == kFoldIn - 1) {
      Beat<Layer::kPixels * Layer::kPe, Out> results = 0;
      for (unsigned p = 0; p < Layer::kPixels; ++p) {
#pragma HLS UNROLL
        for (unsigned pe = 0; pe < Layer::kPe; ++pe) {
#pragma HLS UNROLL
          // The difference is in range though the two terms may have wrapped: two's complement forgives that.
          set_lane<Out>(results, p * Layer::kPe + pe, ended<Out>(Acc(acc[p][pe] - offset[p]), thresholds, nf, pe));
        }
      }
      out.write(results);
    }
    tile.advance();
    if (sf.advance()) nf.advance();
  }
}

}  // namespace resflow
