// Global maximum: the head's largest code over all pixels.
#pragma once

#include "accumulate_pool.h"
#include "counter.h"
#include "formats.h"
#include "simulation.h"
#include "storage.h"

namespace resflow {

template <class Layer>
struct GlobalMax;

/// Maximum over all pixels of max(code - kZero, 0), for every channel. One process, II=1.
///   in       Beat<kSimd, In>   pixels in raster order, channels fastest
///   out      Beat<kSimd, Out>  the maxima, as one pixel, sent while the last pixel comes in
///   cycles   kPixels * kIn/kSimd a frame
///   storage  kIn maxima in kLargestStorage
///   misuse   a frame of fewer beats leaves it waiting and the head silent; of more, the rest counts into the next frame's maxima;
///            an Out too narrow for a code wraps without a sign
template <class Layer>
void global_max(hls::stream<Beat<Layer::kSimd, typename Layer::In>> &in, hls::stream<Beat<Layer::kSimd, typename Layer::Out>> &out) {
  using Value = typename Layer::Out::Value;
  constexpr unsigned kPixelBeats = Layer::kIn / Layer::kSimd;
  // A maximum is needed again kPixelBeats cycles later, sooner than a RAM answers where there are few: those are registers.
  Beat<Layer::kSimd, typename Layer::Out> largest[kPixelBeats];
  Memory<Layer::kLargestStorage>::holds(largest);
#pragma HLS DEPENDENCE variable=largest inter RAW distance=kPixelBeats true
  Counter<Layer::kPixels - 1> pixel = 0;
  Counter<kPixelBeats - 1> beat = 0;
GlobalMax_Beats:
  for (unsigned i = 0; i < Layer::kPixels * kPixelBeats; ++i) {
#pragma HLS PIPELINE II=1 style=frp
    // Invariant: i = pixel*kPixelBeats + beat.
    fire<GlobalMax<Layer>>();
    const Beat<Layer::kSimd, typename Layer::In> codes = in.read();
    const Beat<Layer::kSimd, typename Layer::Out> before = pixel == 0 ? Beat<Layer::kSimd, typename Layer::Out>(0) : largest[beat];
    Beat<Layer::kSimd, typename Layer::Out> result = 0;
    for (unsigned s = 0; s < Layer::kSimd; ++s) {
#pragma HLS UNROLL
      const Value above = above_zero<Layer, Value>(lane<typename Layer::In>(codes, s)), most = lane<typename Layer::Out>(before, s);
      set_lane<typename Layer::Out>(result, s, above > most ? above : most);
    }
    largest[beat] = result;
    if (pixel == Layer::kPixels - 1) out.write(result);
    if (beat.advance()) pixel.advance();
  }
}

}  // namespace resflow
