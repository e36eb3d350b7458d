// Sliding window generator whose beats have several taps: a row of the kernel, or all of it.
#pragma once

#include "counter.h"
#include "formats.h"
#include "pad_codes.h"
#include "simulation.h"
#include "storage.h"
#include "window.h"

namespace resflow {

template <class Layer>
struct SwgParallel;

/// The schedule of swg_parallel, in groups of columns: a group is what a step takes, kPixels*stride of them. Those of a row are shifted so
/// that each group of windows ends with a group of columns.
template <class Layer>
struct ParallelSchedule {
  using W = Window<Layer>;
  static constexpr unsigned kRows = Layer::kTaps == W::kKernelTaps ? Layer::kKernelHeight : 1;  // of a window, taken in a step
  static constexpr unsigned kColumns = Layer::kPixels * Layer::kStrideWidth;        // taken in a step
  static constexpr unsigned kSpan = (Layer::kPixels - 1) * Layer::kStrideWidth + Layer::kKernelWidth;  // columns of a group of windows
  static constexpr unsigned kDelay = Layer::kKernelHeight / kRows * W::kPixelBeats; // steps from one group of columns to the next
  static constexpr unsigned kGroups = W::kOutWidth / Layer::kPixels;                // of windows in a row
  static constexpr unsigned kLead =                                                 // of columns in front of those with which windows end
      kSpan > Layer::kPadLeft + kColumns ? (kSpan - Layer::kPadLeft - 1) / kColumns : 0;
  static constexpr unsigned kShift = (kLead + 1) * kColumns - kSpan + Layer::kPadLeft;
  static constexpr unsigned kRowWords = (Layer::kWidth + kShift + kColumns - 1) / kColumns;  // of columns with one of the image
  static constexpr unsigned kWords = larger(kGroups, smaller(kRowWords, kGroups + kLead));   // of columns, or of windows, in a phase
  static constexpr unsigned kTail = kLead + kGroups - kWords;                       // of windows after the last phase
  static constexpr unsigned kSettle = kRowWords * W::kPixelBeats == 1;              // a lone word reaches its RAM before it is read
  static constexpr unsigned kSteps = kWords * kDelay;                               // per phase
  static constexpr unsigned kPhase = larger(W::kReads + kSettle, kSteps);
  static constexpr unsigned kCycles = W::kFill + kSettle + W::kOutHeight * kPhase + kTail * kDelay;

  /// Whether row or column `tap` of a group of windows is inside the image, counted along `size` in steps of `step`, behind `pad`.
  static bool inside(unsigned group, unsigned tap, unsigned step, unsigned pad, unsigned size) {
#pragma HLS INLINE
    // Constants, once unrolled: the first such group, and the one behind the last.
    const unsigned first = pad > tap ? (pad - tap + step - 1) / step : 0;
    const unsigned end = size + pad > tap ? (size + pad - tap + step - 1) / step : 0;
    return group >= first && group < end;
  }
};

/// Sliding window generator for any kernel, stride and padding, of which a beat has a row of taps (kTaps = kernel width) or all of them.
/// One process, II=1.
///   in       Beat<kSimd, In>                pixels in raster order, channels fastest: kIn/kSimd beats a pixel
///   out      Beat<kPixels*kTaps*kSimd, In>  windows in raster order, kPixels of them side by side; of rows, (kernel_y, channel), of all
///            taps, (channel): in a beat the same channels of all its taps, pixel by pixel, each (kernel_y, kernel_x, channel)
///   cycles   fill + out_height * max(groups * delay, stride * row) + tail * delay a frame, in beats: fill = (kernel - pad) rows,
///            row = width*kIn/kSimd, delay = kIn/kSimd beats of a window, times its rows where a beat has one; groups of kPixels windows,
///            or of the columns they need, if those are more; tail: those that leave after the last phase, with a pad of 1 on both sides of
///            a kernel of 3 one group; where a row is one word of each bank, the fill and each phase's reads take one cycle more
///   padding  Pads, zeros where they are left out
///   storage  a ring of kernel + stride rows in kRingStorage: a bank for each column modulo kPixels*stride, and where a beat has all taps
///            for each row modulo the kernel's height; in kHistoryStorage, of kernel - stride columns the last `delay` beats
///   misuse   as of swg, whose frames, phases and FIFOs it has
/// After the fill, each output row is one phase: the columns of its rows are taken from the ring, step by step, while the rows that the
/// next one needs come in, so what is written in a phase is never read in it. No bank is read twice for a window: what a window shares with
/// the one before is kept. Windows leave when their last column is taken; where that is padding, the columns in front of the next row come
/// instead.
template <class Layer, class Pads = PadCodes<0>>
void swg_parallel(hls::stream<Beat<Layer::kSimd, typename Layer::In>> &in,
                  hls::stream<Beat<Layer::kPixels * Layer::kTaps * Layer::kSimd, typename Layer::In>> &out) {
  using W = Window<Layer>;
  using S = ParallelSchedule<Layer>;
  using Pixel = Beat<Layer::kSimd, typename Layer::In>;
  static_assert(Layer::kTaps == Layer::kKernelWidth || Layer::kTaps == W::kKernelTaps, "a beat has a row of the kernel, or all: see swg.h");
  static_assert(Pads::kCount == 1 || Pads::kCount == Layer::kIn, "outside the image stands one code, or one for each of kIn channels");
  constexpr unsigned kBeats = W::kPixelBeats;
  constexpr unsigned kRows = S::kRows, kColumns = S::kColumns, kSpan = S::kSpan;
  constexpr unsigned kBanks = kRows * kColumns;                             // row by row
  constexpr unsigned kSlots = (Layer::kKernelHeight + Layer::kStrideHeight + kRows - 1) / kRows;  // rows in a bank
  constexpr unsigned kRowSpace = S::kRowWords * kBeats;                     // of a row, in a bank
  constexpr unsigned kRing = kSlots * kRowSpace;
  constexpr unsigned kTopRow = kSlots * kRows - Layer::kPadTop;             // that of the first window, in the padding above row 0
  constexpr unsigned kTop = kTopRow / kRows % kSlots * kRowSpace, kTopTurn = kTopRow % kRows;
  constexpr unsigned kDown = Layer::kStrideHeight / kRows * kRowSpace, kTurn = Layer::kStrideHeight % kRows;  // to the next window
  constexpr unsigned kAgain = Layer::kKernelWidth > Layer::kStrideWidth ? Layer::kKernelWidth - Layer::kStrideWidth : 0;
  constexpr unsigned kKept = kAgain ? S::kDelay : 1;
  constexpr unsigned kPixelBits = Layer::kSimd * Layer::In::kBits;
  constexpr unsigned kReadSteps = S::kPhase - S::kSettle;                   // of a phase, in which it reads
  constexpr unsigned kApart = smaller(S::kWords, S::kRowWords) * kBeats;

  Pixel ring[kBanks][kRing];
#pragma HLS ARRAY_PARTITION variable=ring complete dim=1
  Memory<Layer::kRingStorage>::holds(ring);
// What a phase writes it does not read. The last word of a row comes in last and is read last, a row of words later; what is read is
// overwritten in the next phase at the earliest, where a row begins with its first word.
#pragma HLS DEPENDENCE variable=ring intra false
#pragma HLS DEPENDENCE variable=ring inter RAW distance=kApart true
#pragma HLS DEPENDENCE variable=ring inter WAR distance=kApart true
  ap_uint<(kAgain ? kAgain : 1) * kRows * kPixelBits> history[kKept];  // columns that the next step needs again, the newest lowest
  Memory<Layer::kHistoryStorage>::holds(history);
#pragma HLS DEPENDENCE variable=history inter RAW distance=kKept true
  Counter<kKept - 1> kept = 0;
  // Where the next beat goes. The rows of a bank follow one another, each from a new word on; so do columns, a word a beat.
  Counter<Layer::kHeight> row_in = 0;
  Counter<Layer::kWidth - 1> column_in = 0;
  Counter<kBeats - 1> part_in = 0;
  Counter<kRows - 1> row_bank_in = 0;
  Counter<kColumns - 1> bank_in = S::kShift;
  Counter<kRing - 1> word_in = 0, row_word_in = 0;  // row_word_in: where its row begins
  // Cycles of the phase, of which W::kReads are due to read and S::kSteps to take a step, evenly spread.
  Counter<S::kPhase - 1> cycle = 0, step_due = 0;
  Counter<kReadSteps - 1> read_due = 0;
  // What the next step takes.
  Counter<kBeats - 1> part = 0;
  Counter<Layer::kKernelHeight / kRows - 1> ky = 0;
  Counter<S::kWords - 1> word = 0;                  // group of columns
  Counter<kRowSpace + kBeats * S::kWords> at = 0, word_at = 0;  // word of the row; the first of this group of columns
  Counter<kRing - 1> base = kTop, base_top = kTop;  // where the row begins in its bank; where the window's first one does
  Counter<kRows - 1> turn = kTopTurn;               // bank of the window's first row; in those before it rows are a slot further
  // What leaves with it, behind the columns in front of the first window.
  Counter<S::kLead * S::kDelay> lead = S::kLead * S::kDelay;
  Counter<kBeats - 1> part_out = 0;
  Counter<Layer::kKernelHeight / kRows - 1> ky_out = 0;
  Counter<S::kWords - 1> group_out = 0;
  Counter<W::kOutHeight - 1> row_out = 0;
SwgParallel_Beats:
  for (unsigned i = 0; i < S::kCycles; ++i) {
#pragma HLS PIPELINE II=1 style=frp
    fire<SwgParallel<Layer>>();
    const bool filling = i < W::kFill + S::kSettle, ends = i >= W::kFill + S::kSettle + W::kOutHeight * S::kPhase;
    bool reads = i < W::kFill, steps = ends;
    if (!filling && !ends) {
      reads = cycle < kReadSteps && read_due.advance_by(W::kReads) && row_in < Layer::kHeight;
      steps = step_due.advance_by(S::kSteps);
    }

    if (reads) {
      ring[row_bank_in * kColumns + bank_in][word_in] = in.read();
      bool same_words = false;  // the column in the next bank has the same words as this one
      bool row_ends = false;
      if (part_in.advance()) {
        same_words = !bank_in.advance();
        if (column_in.advance()) {
          bank_in = S::kShift;
          row_ends = true;
          row_in = row_in + 1;
        }
      }
      if (row_ends && !row_bank_in.advance()) {
        word_in = row_word_in;
      } else if (row_ends) {
        row_word_in.advance_by(kRowSpace);
        word_in = row_word_in;
      } else if (same_words) {
        word_in = word_in - (kBeats - 1);
      } else {
        word_in.advance();
      }
    }

    if (steps) {
      // Columns by their distance from the last one of the group, row by row from the window's first.
      Pixel column[kRows][kSpan];
#pragma HLS ARRAY_PARTITION variable=column complete dim=0
      const ap_uint<(kAgain ? kAgain : 1) * kRows * kPixelBits> before = history[kept];
      const unsigned second = base + kRowSpace == kRing ? 0 : base + kRowSpace;
      for (unsigned x = 0; x < smaller(kSpan, kColumns); ++x) {
#pragma HLS UNROLL
        Pixel bank[kRows];
#pragma HLS ARRAY_PARTITION variable=bank complete
        for (unsigned b = 0; b < kRows; ++b) {
#pragma HLS UNROLL
          const unsigned place = (b < turn ? second : unsigned(base)) + at;
          bank[b] = ring[b * kColumns + kColumns - 1 - x][place < kRing ? place : 0];  // beyond is no column of the image
        }
        for (unsigned y = 0; y < kRows; ++y) {
#pragma HLS UNROLL
          column[y][x] = bank[y];
          for (unsigned b = 1; b < kRows; ++b) {
#pragma HLS UNROLL
            if (turn == b) column[y][x] = bank[(y + b) % kRows];
          }
        }
      }
      ap_uint<(kAgain ? kAgain : 1) * kRows * kPixelBits> after = 0;
      for (unsigned y = 0; y < kRows; ++y) {
#pragma HLS UNROLL
        for (unsigned x = 0; x < kAgain; ++x) {
#pragma HLS UNROLL
          const unsigned bit = (x * kRows + y) * kPixelBits;
          column[y][x + kColumns] = before.range(bit + kPixelBits - 1, bit);
        }
        for (unsigned x = 0; x < kAgain; ++x) {
#pragma HLS UNROLL
          const unsigned bit = (x * kRows + y) * kPixelBits;
          after.range(bit + kPixelBits - 1, bit) = column[y][x];
        }
      }
      history[kept] = after;
      kept.advance();

      if (lead != 0) {
        lead = lead - 1;
      } else {
        if (group_out < S::kGroups) {
          bool row_inside[Layer::kKernelHeight];
#pragma HLS ARRAY_PARTITION variable=row_inside complete
          for (unsigned y = 0; y < Layer::kKernelHeight; ++y) {
#pragma HLS UNROLL
            row_inside[y] = S::inside(row_out, y, Layer::kStrideHeight, Layer::kPadTop, Layer::kHeight);
          }
          const Pixel pad = Pads::template beat<Layer::kSimd, typename Layer::In>(part_out);
          Beat<Layer::kPixels * Layer::kTaps * Layer::kSimd, typename Layer::In> windows = 0;
          for (unsigned p = 0; p < Layer::kPixels; ++p) {
#pragma HLS UNROLL
            for (unsigned tap = 0; tap < Layer::kTaps; ++tap) {
#pragma HLS UNROLL
              const unsigned y = tap / Layer::kKernelWidth, x = tap % Layer::kKernelWidth + p * Layer::kStrideWidth;
              const bool inside = row_inside[kRows == 1 ? unsigned(ky_out) : y] &&
                                  S::inside(group_out, x, kColumns, Layer::kPadLeft, Layer::kWidth);
              const unsigned bit = (p * Layer::kTaps + tap) * kPixelBits;
              windows.range(bit + kPixelBits - 1, bit) = inside ? column[y][kSpan - 1 - x] : pad;
            }
          }
          out.write(windows);
        }
        if (part_out.advance() && ky_out.advance() && group_out.advance()) row_out.advance();
      }

      at = at + 1;
      if (part.advance()) {
        if (!ky.advance()) {
          at = word_at;
          base.advance_by(kRowSpace);
        } else {
          if (word.advance()) {
            at = 0;
            if (turn.advance_by(kTurn)) base_top.advance_by(kRowSpace);
            base_top.advance_by(kDown);
          }
          word_at = at;
          base = base_top;
        }
      }
    }

    if (!filling && !ends) cycle.advance();
  }
}

}  // namespace resflow
