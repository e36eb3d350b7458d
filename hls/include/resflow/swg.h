// Sliding window generator: pixels in raster order become the windows of a convolution or a pool.
#pragma once

#include "counter.h"
#include "formats.h"
#include "pad_codes.h"
#include "simulation.h"
#include "storage.h"
#include "window.h"

namespace resflow {

template <class Layer>
struct Swg;

/// Sliding window generator, for any kernel, stride and padding. One process, II=1.
///   in       Beat<kSimd, In>          pixels in raster order, channels fastest: kIn/kSimd beats a pixel
///   out      Beat<kPixels*kSimd, In>  windows in raster order, each (kernel_y, kernel_x, channel), kPixels of them side by side
///   cycles   fill + out_height * max(out_width/kPixels * window, stride * row) a frame, in beats:
///            fill = (kernel - pad) rows, window = K*K*kIn/kSimd, row = width*kIn/kSimd; where a row is one beat, the fill
///            and each phase's reads take one cycle more
///   padding  Pads, zeros where they are left out
///   storage  a ring of kernel + stride rows in kRingStorage, in kPixels*stride banks of columns where kPixels is above 1
///   misuse   it reads a whole frame, rows that no window needs included: a frame that is short stops it, one that is long becomes
///            the top of the next. In front of it and behind it FIFOs have to hold what comes while the other side pauses, else
///            the block is slower than its cycles or, beside a bypass, deadlocks. Pad codes wider than In are cut off. Wrong folds
///            and pads: static_assert here and in Window
/// After the fill, each output row is one phase: its windows go out while the rows the next one needs come in, so what is
/// written in a phase is never read in it. Whichever of the two is less is spread evenly over the phase: neighbours work at an
/// even pace too, and a firing that had to wait for one of them would hold up the other.
template <class Layer, class Pads = PadCodes<0>>
void swg(hls::stream<Beat<Layer::kSimd, typename Layer::In>> &in,
         hls::stream<Beat<Layer::kPixels * Layer::kSimd, typename Layer::In>> &out) {
  using W = Window<Layer>;
  using Pixel = Beat<Layer::kSimd, typename Layer::In>;
  constexpr unsigned kStep = Layer::kPixels * Layer::kStrideWidth;          // columns from one group of pixels to the next
  constexpr unsigned kBanks = Layer::kPixels == 1 ? 1 : kStep;              // column c lies in bank c mod kBanks
  constexpr unsigned kWords = (Layer::kWidth + kBanks - 1) / kBanks * W::kPixelBeats;  // of a row, in a bank
  constexpr unsigned kRing = (Layer::kKernelHeight + Layer::kStrideHeight) * kWords;
  constexpr unsigned kReadSteps = W::kPhase - W::kSettle;                   // of a phase, in which it reads
  constexpr unsigned kGroupWords = kStep / kBanks * W::kPixelBeats;         // from one group of pixels to the next
  constexpr unsigned kPadColumns = (Layer::kPadLeft + kBanks - 1) / kBanks * kBanks;  // before the first, which is of bank 0
  constexpr unsigned kPadWords = kPadColumns / kBanks * W::kPixelBeats;
  constexpr unsigned kFirstBank = kPadColumns - Layer::kPadLeft;            // of a group's first column
  constexpr unsigned kLastWord =
      W::kOutWidth / Layer::kPixels * kGroupWords + ((kFirstBank + Layer::kKernelWidth) / kBanks + 1) * W::kPixelBeats;
  constexpr unsigned kLastRow = W::kOutHeight * Layer::kStrideHeight + Layer::kKernelHeight;
  constexpr unsigned kTop = (Layer::kStrideHeight + Layer::kKernelHeight - Layer::kPadTop) * kWords % kRing;
  constexpr unsigned kApart = W::kApart;
  static_assert(kApart >= 1, "a beat is never read in the iteration that writes its place");
  static_assert(Pads::kCount == 1 || Pads::kCount == Layer::kIn, "outside the image stands one code, or one for each of kIn channels");

  Pixel ring[kBanks][kRing];
#pragma HLS ARRAY_PARTITION variable=ring complete dim=1
  Memory<Layer::kRingStorage>::holds(ring);
// What a phase writes it does not read, and what it reads is overwritten in the next one at the earliest; see Window::kApart.
#pragma HLS DEPENDENCE variable=ring intra false
#pragma HLS DEPENDENCE variable=ring inter RAW distance=kApart true
#pragma HLS DEPENDENCE variable=ring inter WAR distance=kApart true
  // Where the next beat goes. Rows follow one another in the ring, each from a new word on; so do columns in their bank, a word a beat.
  Counter<Layer::kHeight> row_in = 0;
  Counter<Layer::kWidth - 1> column_in = 0;
  Counter<W::kPixelBeats - 1> part_in = 0;
  Counter<kBanks - 1> bank_in = 0;
  Counter<kRing - 1> word_in = 0;
  // Steps of the phase, of which kReads are due to read and kWrites to write, evenly spread.
  Counter<W::kPhase - 1> step = 0, write_due = 0;
  Counter<kReadSteps - 1> read_due = 0;
  // The beat that goes out next. Rows and words are counted with the padding before them, to have no signs.
  Counter<Layer::kKernelHeight - 1> ky = 0;
  Counter<Layer::kKernelWidth - 1> kx = 0;
  Counter<W::kPixelBeats - 1> part = 0;        // beat of the pixel under the tap
  Counter<kBanks - 1> bank = kFirstBank;       // of the column under the tap, for the group's first pixel
  Counter<kLastWord> word = 0, group = 0;      // the beat's word; word of the group's first column
  Counter<kLastRow> row = 0, top = 0;          // row under the tap; first row of the window
  Counter<kRing - 1> base = kTop, base_top = kTop;  // where these two rows begin in the ring
Swg_Beats:
  for (unsigned i = 0; i < W::kFill + W::kSettle + W::kOutHeight * W::kPhase; ++i) {
#pragma HLS PIPELINE II=1 style=frp
    fire<Swg<Layer>>();
    const bool filling = i < W::kFill + W::kSettle;
    bool reads = i < W::kFill, writes = false;
    if (!filling) {
      reads = step < kReadSteps && read_due.advance_by(W::kReads) && row_in < Layer::kHeight;
      writes = write_due.advance_by(W::kWrites);
    }

    if (reads) {
      ring[bank_in][word_in] = in.read();
      bool same_words = false;  // the column in the next bank has the same words as this one
      if (part_in.advance()) {
        same_words = !bank_in.advance();
        if (column_in.advance()) {
          bank_in = 0;
          same_words = false;
          row_in = row_in + 1;
        }
      }
      if (same_words) {
        word_in = word_in - (W::kPixelBeats - 1);
      } else {
        word_in.advance();
      }
    }

    if (writes) {
      const bool row_inside = row >= Layer::kPadTop && row < Layer::kPadTop + Layer::kHeight;
      // Every bank is read once: kBanks columns from the one under the tap on, which in the banks before its own are a column further.
      Pixel column[kBanks];
#pragma HLS ARRAY_PARTITION variable=column complete
      for (unsigned b = 0; b < kBanks; ++b) {
#pragma HLS UNROLL
        const unsigned words = (Layer::kWidth + kBanks - 1 - b) / kBanks * W::kPixelBeats;  // of a row here: a constant, once unrolled
        const unsigned at = word + (b < bank) * W::kPixelBeats;
        const bool inside = row_inside && at >= kPadWords && at < kPadWords + words;
        column[b] = inside ? ring[b][base + at - kPadWords] : Pads::template beat<Layer::kSimd, typename Layer::In>(part);
      }
      Beat<Layer::kPixels * Layer::kSimd, typename Layer::In> windows = 0;
      for (unsigned p = 0; p < Layer::kPixels; ++p) {
#pragma HLS UNROLL
        constexpr unsigned kPixelBits = Layer::kSimd * Layer::In::kBits;
        // Of all banks, only as many can be under the tap as the kernel is wide: which ones are constants, once unrolled.
        Pixel pixel = column[(kFirstBank + p * Layer::kStrideWidth) % kBanks];
        for (unsigned x = 1; x < Layer::kKernelWidth; ++x) {
#pragma HLS UNROLL
          if (kx == x) pixel = column[(kFirstBank + x + p * Layer::kStrideWidth) % kBanks];
        }
        windows.range((p + 1) * kPixelBits - 1, p * kPixelBits) = pixel;
      }
      out.write(windows);
      if (!part.advance()) {
        word = word + 1;
      } else {
        word = bank.advance() ? word + 1 : word - (W::kPixelBeats - 1);
        if (kx.advance()) {
          bank = kFirstBank;
          word = group;
          row = row + 1;
          base.advance_by(kWords);
          if (ky.advance()) {
            group = group + kGroupWords;
            word = group;
            row = top;
            base = base_top;
          }
        }
      }
    }

    if (!filling && step.advance()) {
      word = group = 0;
      top = top + Layer::kStrideHeight;
      row = top;
      base_top.advance_by(Layer::kStrideHeight * kWords);
      base = base_top;
    }
  }
}

}  // namespace resflow
