// Sliding window generator: pixels in raster order become the windows of a convolution or a pool.
#pragma once

#include "formats.h"
#include "simulation.h"
#include "window.h"

namespace resflow {

template <class Layer>
struct Swg;

/// Sliding window generator, for any kernel, stride and zero padding. One process, II=1.
///   in       Beat<kSimd, In>          pixels in raster order, channels fastest: kIn/kSimd beats a pixel
///   out      Beat<kPixels*kSimd, In>  windows in raster order, each (kernel_y, kernel_x, channel), kPixels of them side by side
///   cycles   fill + out_height * max(out_width/kPixels * window, stride * row) a frame, in beats:
///            fill = (kernel - pad) rows, window = K*K*kIn/kSimd, row = width*kIn/kSimd; where a row is one beat, the fill
///            and each phase's reads take one cycle more
///   storage  a ring of kernel + stride rows, in kPixels*stride banks of columns where kPixels is above 1
///   misuse   it reads a whole frame, rows that no window needs included: a frame that is short stops it, one that is long becomes
///            the top of the next. In front of it and behind it FIFOs have to hold what comes while the other side pauses, else
///            the block is slower than its cycles or, beside a bypass, deadlocks. Wrong folds and pads: static_assert in Window
/// After the fill, each output row is one phase: its windows go out while the rows the next one needs come in, so what is
/// written in a phase is never read in it. Whichever of the two is less is spread evenly over the phase: neighbours work at an
/// even pace too, and a firing that had to wait for one of them would hold up the other.
template <class Layer>
void swg(hls::stream<Beat<Layer::kSimd, typename Layer::In>> &in,
         hls::stream<Beat<Layer::kPixels * Layer::kSimd, typename Layer::In>> &out) {
  using W = Window<Layer>;
  using Pixel = Beat<Layer::kSimd, typename Layer::In>;
  constexpr unsigned kRing = Layer::kKernelHeight + Layer::kStrideHeight;
  constexpr unsigned kStep = Layer::kPixels * Layer::kStrideWidth;      // columns from one group of pixels to the next
  constexpr int kBanks = Layer::kPixels == 1 ? 1 : kStep;               // column c lies in bank c % kBanks
  constexpr unsigned kWords = (Layer::kWidth + kBanks - 1) / kBanks * W::kPixelBeats;
  constexpr unsigned kReadSteps = W::kPhase - W::kSettle;               // of a phase, in which it reads

  Pixel ring[kRing][kBanks][kWords];
#pragma HLS ARRAY_PARTITION variable=ring complete dim=2
// A beat is read at the earliest in the phase after the one that wrote it, two or more iterations later.
#pragma HLS DEPENDENCE variable=ring inter false
  unsigned row_in = 0, slot_in = 0, column_in = 0, bank_in = 0, word_in = 0, beat_in = 0;  // where the next beat goes
  unsigned step = 0, row_out = 0;                                                          // of the phase; output row
  unsigned read_due = 0, write_due = 0;  // grows by kReads, kWrites a step; at the length of the phase it is time for one
  unsigned slot_top = (kRing - Layer::kPadTop) % kRing;                                    // slot of the window's first row
  unsigned group_column = 0, ky = 0, kx = 0, beat = 0;  // first column of the group, without padding; tap; beat of the pixel
Swg_Beats:
  for (unsigned i = 0; i < W::kFill + W::kSettle + W::kOutHeight * W::kPhase; ++i) {
#pragma HLS PIPELINE II=1 style=flp
    fire<Swg<Layer>>();
    const bool filling = i < W::kFill + W::kSettle;
    bool reads = i < W::kFill, writes = false;
    if (!filling) {
      if (step < kReadSteps) read_due += W::kReads;
      reads = read_due >= kReadSteps && row_in < Layer::kHeight;
      if (read_due >= kReadSteps) read_due -= kReadSteps;
      write_due += W::kWrites;
      writes = write_due >= W::kPhase;
      if (writes) write_due -= W::kPhase;
    }

    if (reads) {
      ring[slot_in][bank_in][word_in + beat_in] = in.read();
      if (++beat_in == W::kPixelBeats) {
        beat_in = 0;
        if (++bank_in == unsigned(kBanks)) {
          bank_in = 0;
          word_in += W::kPixelBeats;
        }
        if (++column_in == Layer::kWidth) {
          column_in = bank_in = word_in = 0;
          ++row_in;
          slot_in = slot_in == kRing - 1 ? 0 : slot_in + 1;
        }
      }
    }

    if (writes) {
      const int y = int(row_out * Layer::kStrideHeight + ky) - int(Layer::kPadTop);
      const int left = int(group_column + kx) - int(Layer::kPadLeft);  // column under this tap of the group's first pixel
      const int shift = (left + kBanks * int(Layer::kPadLeft)) % kBanks;  // its bank
      const unsigned slot = slot_top + ky < kRing ? slot_top + ky : slot_top + ky - kRing;
      // Every bank is read once, in the one column of left ... left + kBanks-1 that it holds.
      Pixel column[kBanks];
#pragma HLS ARRAY_PARTITION variable=column complete
      for (int bank = 0; bank < kBanks; ++bank) {
#pragma HLS UNROLL
        const int x = left + (bank >= shift ? bank - shift : bank - shift + kBanks);
        const bool inside = y >= 0 && y < int(Layer::kHeight) && x >= 0 && x < int(Layer::kWidth);
        column[bank] = inside ? ring[slot][bank][unsigned(x) / kBanks * W::kPixelBeats + beat] : Pixel(0);
      }
      Beat<Layer::kPixels * Layer::kSimd, typename Layer::In> windows = 0;
      for (unsigned p = 0; p < Layer::kPixels; ++p) {
#pragma HLS UNROLL
        constexpr unsigned kPixelBits = Layer::kSimd * Layer::In::kBits;
        windows.range((p + 1) * kPixelBits - 1, p * kPixelBits) = column[(shift + p * Layer::kStrideWidth) % kBanks];
      }
      out.write(windows);
      if (++beat == W::kPixelBeats) {
        beat = 0;
        if (++kx == Layer::kKernelWidth) {
          kx = 0;
          if (++ky == Layer::kKernelHeight) {
            ky = 0;
            group_column += kStep;
          }
        }
      }
    }

    if (!filling && ++step == W::kPhase) {
      step = 0;
      group_column = 0;
      ++row_out;
      slot_top = slot_top + Layer::kStrideHeight < kRing ? slot_top + Layer::kStrideHeight : slot_top + Layer::kStrideHeight - kRing;
    }
  }
}

}  // namespace resflow
