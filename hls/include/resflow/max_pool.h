// Max-pool over the windows of a sliding window generator.
#pragma once

#include "counter.h"
#include "formats.h"
#include "simulation.h"
#include "storage.h"
#include "window.h"

namespace resflow {

template <class Layer>
struct MaxPool;

/// The largest code of every channel in a window. Padding is the lowest code, which never wins. One process, II=1.
///   in       Beat<kSimd, In>  windows, (kernel_y, kernel_x, channel)
///   out      Beat<kSimd, In>  one pixel a window
///   cycles   pixels * K*K * kIn/kSimd a frame
///   storage  one pixel in kLargestStorage
///   misuse   the windows of another kernel or stride mix pixels of neighbouring windows and leave beats over, or keep it waiting;
///            negative codes lose to windows padded with 0
template <class Layer>
void max_pool(hls::stream<Beat<Layer::kSimd, typename Layer::In>> &in, hls::stream<Beat<Layer::kSimd, typename Layer::In>> &out) {
  using W = Window<Layer>;
  using Code = typename Layer::In;
  constexpr unsigned kPixelBeats = W::kPixelBeats;
  // A beat is needed again kPixelBeats cycles later, sooner than a RAM answers where there are few: those are registers.
  Beat<Layer::kSimd, Code> largest[kPixelBeats];
  Memory<Layer::kLargestStorage>::holds(largest);
#pragma HLS DEPENDENCE variable=largest inter RAW distance=kPixelBeats true
  Counter<W::kKernelTaps - 1> tap = 0;
  Counter<kPixelBeats - 1> beat = 0;
MaxPool_Beats:
  for (unsigned i = 0; i < W::kGroups * W::kBeats; ++i) {
#pragma HLS PIPELINE II=1 style=frp
    // Invariant: i = (pixel*kKernelTaps + tap)*kPixelBeats + beat.
    fire<MaxPool<Layer>>();
    const Beat<Layer::kSimd, Code> codes = in.read();
    const Beat<Layer::kSimd, Code> before = tap == 0 ? filled<Layer::kSimd, Code>(Code::lowest()) : largest[beat];
    Beat<Layer::kSimd, Code> now = 0;
    for (unsigned s = 0; s < Layer::kSimd; ++s) {
#pragma HLS UNROLL
      const auto a = lane<Code>(before, s), b = lane<Code>(codes, s);
      set_lane<Code>(now, s, a > b ? a : b);
    }
    largest[beat] = now;
    if (tap == W::kKernelTaps - 1) out.write(now);
    if (beat.advance()) tap.advance();
  }
}

}  // namespace resflow
