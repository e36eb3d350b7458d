// Pixels that are computed side by side, output fold by output fold, back in raster order.
#pragma once

#include "counter.h"
#include "formats.h"
#include "simulation.h"
#include "storage.h"

namespace resflow {

template <class Layer>
struct Raster;

/// Of every group of pixels, beats that come as (fold, pixel, beat) leave as (pixel, fold, beat). One process, II=1.
///   in       Beat<kLanes, Code>  kGroups groups a frame, each of kFolds * kPixels * kBeats beats
///   out      Beat<kLanes, Code>  the same beats, pixel by pixel
///   cycles   (kGroups + 1) * kFolds * kPixels * kBeats a frame: a group leaves while the next one comes
///   storage  two groups in kGroupsStorage
///   misuse   beats of another fold or number of pixels change their places without a sign; a frame that is short stops it
template <class Layer>
void raster(hls::stream<Beat<Layer::kLanes, typename Layer::Code>> &in, hls::stream<Beat<Layer::kLanes, typename Layer::Code>> &out) {
  constexpr unsigned kGroup = Layer::kFolds * Layer::kPixels * Layer::kBeats;
  constexpr unsigned kFold = Layer::kPixels * Layer::kBeats;  // beats of a fold
  // From when a beat comes to when it leaves: least for the first pixel's in the last fold.
  constexpr unsigned kApart = (Layer::kFolds + Layer::kPixels - 1) * Layer::kBeats;

  static_assert(Layer::kFolds > 1 && Layer::kPixels > 1, "of one fold, or one pixel, the beats are in raster order");

  Beat<Layer::kLanes, typename Layer::Code> groups[2 * kGroup];
  Memory<Layer::kGroupsStorage>::holds(groups);
#pragma HLS DEPENDENCE variable=groups intra false
#pragma HLS DEPENDENCE variable=groups inter RAW distance=kApart true
#pragma HLS DEPENDENCE variable=groups inter WAR distance=kApart true
  Counter<kGroup - 1> beat_in = 0;
  Counter<2 * kGroup - 1> word_in = 0;
  Counter<Layer::kBeats - 1> beat = 0;
  Counter<Layer::kFolds - 1> fold = 0;
  Counter<Layer::kPixels - 1> pixel = 0;
  Counter<2 * kGroup - 1> word = 0, first = 0;  // first: of the pixel
  bool second = false;                          // the group that leaves is in the second half
Raster_Beats:
  for (unsigned i = 0; i < (Layer::kGroups + 1) * kGroup; ++i) {
#pragma HLS PIPELINE II=1 style=frp
    // Invariant: i = group*kGroup + beat_in; word = second*kGroup + fold*kFold + pixel*kBeats + beat.
    fire<Raster<Layer>>();
    if (i >= kGroup) {
      out.write(groups[word]);
      word = word + 1;
      if (beat.advance()) {
        word.advance_by(kFold - Layer::kBeats);
        if (fold.advance()) {
          const bool ends = pixel.advance();
          if (ends) second = !second;
          first = ends ? (second ? kGroup : 0) : first + Layer::kBeats;
          word = first;
        }
      }
    }
    if (i < Layer::kGroups * kGroup) {
      groups[word_in] = in.read();
      word_in.advance();
    }
    beat_in.advance();
  }
}

}  // namespace resflow
