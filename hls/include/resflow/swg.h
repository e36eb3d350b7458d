// Sliding window generator: pixels in raster order become the windows of a convolution or a pool.
#pragma once

#include <hls_stream.h>

#include "formats.h"
#include "simulation.h"
#include "window.h"

namespace resflow {

template <class Layer>
struct Swg;

/// Sliding window generator, for any kernel, stride and zero padding. One process, II=1.
///   in       Beat<kSimd, In>  pixels in raster order, channels fastest: kIn/kSimd beats a pixel
///   out      Beat<kSimd, In>  windows in raster order, each (kernel_y, kernel_x, channel)
///   cycles   fill + out_height * max(out_width * window, stride * row) a frame, in beats:
///            fill = (kernel - pad) rows, window = K*K*kIn/kSimd, row = width*kIn/kSimd; where a row is one beat and the
///            kernel 1x1, the fill and each phase's reads take one cycle more
///   storage  a ring of kernel + stride rows
/// After the fill, each output row is one phase: its windows go out while the rows the next one needs come in, so what is
/// written in a phase is never read in it.
template <class Layer>
void swg(hls::stream<Beat<Layer::kSimd, typename Layer::In>> &in, hls::stream<Beat<Layer::kSimd, typename Layer::In>> &out) {
  using W = Window<Layer>;
  constexpr unsigned kRing = Layer::kKernelHeight + Layer::kStrideHeight;

  Beat<Layer::kSimd, typename Layer::In> ring[kRing][W::kRowBeats];
// A beat is read at the earliest in the phase after the one that wrote it, two or more iterations later.
#pragma HLS DEPENDENCE variable=ring inter false
  unsigned row_in = 0, slot_in = 0, beat_in = 0;                                 // where the next beat goes
  unsigned step = 0, row_out = 0;                                                // of the phase; output row
  unsigned slot_top = (kRing - Layer::kPadTop) % kRing;                          // ring slot of the window's first row
  unsigned column = 0, ky = 0, kx = 0, beat = 0;                                 // output column, tap, beat of the pixel
Swg_Beats:
  for (unsigned i = 0; i < W::kFill + W::kSettle + W::kOutHeight * W::kPhase; ++i) {
#pragma HLS PIPELINE II=1
    fire<Swg<Layer>>();
    const bool filling = i < W::kFill + W::kSettle;

    if ((filling ? i < W::kFill : step < W::kReads) && row_in < Layer::kHeight) {
      ring[slot_in][beat_in] = in.read();
      if (++beat_in == W::kRowBeats) {
        beat_in = 0;
        ++row_in;
        slot_in = slot_in == kRing - 1 ? 0 : slot_in + 1;
      }
    }

    if (!filling && step < W::kWrites) {
      const int y = int(row_out * Layer::kStrideHeight + ky) - int(Layer::kPadTop);
      const int x = int(column * Layer::kStrideWidth + kx) - int(Layer::kPadLeft);
      const bool inside = y >= 0 && y < int(Layer::kHeight) && x >= 0 && x < int(Layer::kWidth);
      const unsigned slot = slot_top + ky < kRing ? slot_top + ky : slot_top + ky - kRing;
      out.write(inside ? ring[slot][x * W::kPixelBeats + beat] : Beat<Layer::kSimd, typename Layer::In>(0));
      if (++beat == W::kPixelBeats) {
        beat = 0;
        if (++kx == Layer::kKernelWidth) {
          kx = 0;
          if (++ky == Layer::kKernelHeight) {
            ky = 0;
            ++column;
          }
        }
      }
    }

    if (!filling && ++step == W::kPhase) {
      step = 0;
      column = 0;
      ++row_out;
      slot_top = slot_top + Layer::kStrideHeight < kRing ? slot_top + Layer::kStrideHeight : slot_top + Layer::kStrideHeight - kRing;
    }
  }
}

}  // namespace resflow
