// Thresholds: a code is the lowest one and one more for each of its channel's thresholds that a value reaches.
#pragma once

#include "formats.h"
#include "order.h"
#include "rom.h"
#include "simulation.h"

namespace resflow {

/// The code of a value in a lane; `row` is that of its channel's thresholds. T must hold every threshold and compare with Value by value: a
/// T too narrow cuts thresholds off and counts wrong. In what order they stand does not matter.
template <class Out, class Value, class T, unsigned roms, unsigned rows, unsigned integers>
typename Out::Value crossed(const Value &value, const T (&thresholds)[roms][rows][integers], unsigned row, unsigned lane) {
#pragma HLS INLINE
  constexpr unsigned n = (1u << Out::kBits) - 1;
  unsigned reached = 0;
  for (unsigned i = 0; i < n; ++i) {
#pragma HLS UNROLL
    reached += element(thresholds, row, lane * n + i) <= value;
  }
  return typename Out::Value(int(reached) + Out::lowest());
}

template <class Layer>
struct Threshold;

/// Integers to codes, each channel with its own thresholds. One process, II=1.
///   in       Beat<kBeside*kSimd, In>   in the order of order.h
///   out      Beat<kBeside*kSimd, Out>  in the same order
///   cycles   kPixels * kRepeats * kIn/kSimd a frame
///   storage  a row of kSimd*n thresholds for every kSimd channels; see rom.h
///   misuse   a frame whose pixels are not kIn channels meets the thresholds of other channels; another number of thresholds than
///            Out has codes above its lowest is refused by static_assert
template <class Layer, class T, unsigned roms, unsigned integers>
void threshold(hls::stream<Beat<Order<Layer>::kLanes, typename Layer::In>> &in,
               const T (&thresholds)[roms][Order<Layer>::kRows][integers],
               hls::stream<Beat<Order<Layer>::kLanes, typename Layer::Out>> &out) {
#pragma HLS ARRAY_PARTITION variable=thresholds complete dim=1
#pragma HLS ARRAY_RESHAPE variable=thresholds complete dim=3
  static_assert(rows_hold(roms, integers, Layer::kSimd * ((1u << Layer::Out::kBits) - 1)),
                "n thresholds separate n + 1 codes: change Out or the thresholds");
  RowOfBeat<Layer> row;
Threshold_Beats:
  for (unsigned i = 0; i < Order<Layer>::kBeats; ++i) {
#pragma HLS PIPELINE II=1 style=frp
    fire<Threshold<Layer>>();
    const Beat<Order<Layer>::kLanes, typename Layer::In> values = in.read();
    Beat<Order<Layer>::kLanes, typename Layer::Out> codes = 0;
    for (unsigned s = 0; s < Order<Layer>::kLanes; ++s) {
#pragma HLS UNROLL
      const auto value = lane<typename Layer::In>(values, s);
      set_lane<typename Layer::Out>(codes, s, crossed<typename Layer::Out>(value, thresholds, row, s % Layer::kSimd));
    }
    out.write(codes);
    row.advance();
  }
}

}  // namespace resflow
