// Table: values to codes where they are so narrow that the code of each stands in a ROM.
#pragma once

#include "formats.h"
#include "order.h"
#include "rom.h"
#include "simulation.h"

namespace resflow {

template <class Layer>
struct Table;

/// Integers to codes, each channel with its own thresholds. One process, II=1.
///   in       Beat<kBeside*kSimd, In>   in the order of order.h; In of at most 8 bits
///   out      Beat<kBeside*kSimd, Out>  in the same order
///   cycles   kPixels * kRepeats * kIn/kSimd a frame
///   storage  a ROM for each lane: the codes of all bit patterns of In for every kSimd channels; see rom.h
///   misuse   a frame whose pixels are not kIn channels meets the codes of other channels; a wider In is refused by static_assert
template <class Layer, class T>
void table(hls::stream<Beat<Order<Layer>::kLanes, typename Layer::In>> &in,
           const T (&codes_of)[Order<Layer>::kLanes][Order<Layer>::kRows << Layer::In::kBits][1],
           hls::stream<Beat<Order<Layer>::kLanes, typename Layer::Out>> &out) {
#pragma HLS ARRAY_PARTITION variable=codes_of complete dim=1
#pragma HLS ARRAY_RESHAPE variable=codes_of complete dim=3
  using In = typename Layer::In;
  using Out = typename Layer::Out;
  static_assert(In::kBits <= 8, "a ROM doubles with every bit of a value: use search");
  RowOfBeat<Layer> row;
Table_Beats:
  for (unsigned i = 0; i < Order<Layer>::kBeats; ++i) {
#pragma HLS PIPELINE II=1 style=frp
    fire<Table<Layer>>();
    const Beat<Order<Layer>::kLanes, In> values = in.read();
    Beat<Order<Layer>::kLanes, Out> codes = 0;
    for (unsigned s = 0; s < Order<Layer>::kLanes; ++s) {
#pragma HLS UNROLL
      const ap_uint<In::kBits> pattern = lane<In>(values, s);
      set_lane<Out>(codes, s, typename Out::Value(element(codes_of, row << In::kBits | pattern.to_uint(), s)));
    }
    out.write(codes);
    row.advance();
  }
}

}  // namespace resflow
