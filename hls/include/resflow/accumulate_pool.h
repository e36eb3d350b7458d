// Accumulate-pool: the head's sum over all pixels. The division of an average is left to the scale of the scores.
#pragma once

#include "counter.h"
#include "formats.h"
#include "simulation.h"
#include "storage.h"

namespace resflow {

/// max(code - kZero, 0), where both may be negative.
template <class Layer, class Value>
Value above_zero(const typename Layer::In::Value &code) {
#pragma HLS INLINE
  const ap_int<Layer::In::kBits + 2> difference = ap_int<Layer::In::kBits + 2>(code) - ap_int<Layer::In::kBits + 1>(Layer::kZero);
  return difference > 0 ? Value(difference) : Value(0);
}

template <class Layer>
struct AccumulatePool;

/// Sum over all pixels of max(code - kZero, 0), for every channel. One process, II=1.
///   in       Beat<kSimd, In>   pixels in raster order, channels fastest
///   out      Beat<kSimd, Out>  the sums, as one pixel, sent while the last pixel comes in
///   cycles   kPixels * kIn/kSimd a frame
///   storage  kIn sums in kSumsStorage
///   misuse   a frame of fewer beats leaves it waiting and the head silent; of more, the rest counts into the next frame's sums;
///            an Out too narrow for kPixels codes wraps without a sign
template <class Layer>
void accumulate_pool(hls::stream<Beat<Layer::kSimd, typename Layer::In>> &in, hls::stream<Beat<Layer::kSimd, typename Layer::Out>> &out) {
  using Sum = typename Layer::Out::Value;
  constexpr unsigned kPixelBeats = Layer::kIn / Layer::kSimd;
  // A sum is needed again kPixelBeats cycles later, sooner than a RAM answers where there are few: those are registers.
  Beat<Layer::kSimd, typename Layer::Out> sums[kPixelBeats];
  Memory<Layer::kSumsStorage>::holds(sums);
#pragma HLS DEPENDENCE variable=sums inter RAW distance=kPixelBeats true
  Counter<Layer::kPixels - 1> pixel = 0;
  Counter<kPixelBeats - 1> beat = 0;
AccumulatePool_Beats:
  for (unsigned i = 0; i < Layer::kPixels * kPixelBeats; ++i) {
#pragma HLS PIPELINE II=1 style=frp
    // Invariant: i = pixel*kPixelBeats + beat.
    fire<AccumulatePool<Layer>>();
    const Beat<Layer::kSimd, typename Layer::In> codes = in.read();
    const Beat<Layer::kSimd, typename Layer::Out> before = pixel == 0 ? Beat<Layer::kSimd, typename Layer::Out>(0) : sums[beat];
    Beat<Layer::kSimd, typename Layer::Out> result = 0;
    for (unsigned s = 0; s < Layer::kSimd; ++s) {
#pragma HLS UNROLL
      const Sum above = above_zero<Layer, Sum>(lane<typename Layer::In>(codes, s));
      set_lane<typename Layer::Out>(result, s, lane<typename Layer::Out>(before, s) + above);
    }
    sums[beat] = result;
    if (pixel == Layer::kPixels - 1) out.write(result);
    if (beat.advance()) pixel.advance();
  }
}

}  // namespace resflow
