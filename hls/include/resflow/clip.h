// Clip: values to codes where a channel's thresholds follow one another, so that their number is a difference.
#pragma once

#include "formats.h"
#include "order.h"
#include "rom.h"
#include "simulation.h"

namespace resflow {

template <class Layer>
struct Clip;

/// Integers to codes: the lowest one, and as many more as a value is above its channel's base, at most all. One process, II=1.
///   in       Beat<kBeside*kSimd, In>   in the order of order.h
///   out      Beat<kBeside*kSimd, Out>  in the same order
///   cycles   kPixels * kRepeats * kIn/kSimd a frame
///   storage  a row of kSimd bases for every kSimd channels; see rom.h
///   misuse   a frame whose pixels are not kIn channels meets the bases of other channels
template <class Layer, class T, unsigned roms, unsigned integers>
void clip(hls::stream<Beat<Order<Layer>::kLanes, typename Layer::In>> &in,
          const T (&bases)[roms][Order<Layer>::kRows][integers],
          hls::stream<Beat<Order<Layer>::kLanes, typename Layer::Out>> &out) {
#pragma HLS ARRAY_PARTITION variable=bases complete dim=1
#pragma HLS ARRAY_RESHAPE variable=bases complete dim=3
  static_assert(rows_hold(roms, integers, Layer::kSimd), "a channel has one base: see hls/roms.py");
  using In = typename Layer::In;
  using Out = typename Layer::Out;
  constexpr int kSteps = (1 << Out::kBits) - 1;
  // A base is a value or up to kSteps below one, so a difference is less than twice the larger of the two ranges.
  constexpr unsigned kBits = 2 + (In::kBits > Out::kBits ? In::kBits : Out::kBits);
  RowOfBeat<Layer> row;
Clip_Beats:
  for (unsigned i = 0; i < Order<Layer>::kBeats; ++i) {
#pragma HLS PIPELINE II=1 style=frp
    fire<Clip<Layer>>();
    const Beat<Order<Layer>::kLanes, In> values = in.read();
    Beat<Order<Layer>::kLanes, Out> codes = 0;
    for (unsigned s = 0; s < Order<Layer>::kLanes; ++s) {
#pragma HLS UNROLL
      const ap_int<kBits> above = lane<In>(values, s) - element(bases, row, s % Layer::kSimd);
      const int steps = above < 0 ? 0 : above > kSteps ? kSteps : above.to_int();
      set_lane<Out>(codes, s, typename Out::Value(steps + Out::lowest()));
    }
    out.write(codes);
    row.advance();
  }
}

}  // namespace resflow
