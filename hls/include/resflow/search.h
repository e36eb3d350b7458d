// Search: values to codes, bit by bit from the top one down, by one comparison each.
//
// Whether a value reaches the threshold in the middle is the top bit of their number; the next is whether it reaches the middle one of
// those that are left, and so on. So a lane compares once in a step, not with all thresholds at once, and those of a step are in a memory
// of their own: 2**k of a channel in step k, and each lane reads the one that it has come to.
#pragma once

#include "formats.h"
#include "order.h"
#include "rom.h"
#include "simulation.h"

namespace resflow {

template <class Layer>
struct Search;

/// What is found when all steps are made.
template <class Value>
unsigned found(const Value &, unsigned, unsigned, unsigned so_far) {
#pragma HLS INLINE
  return so_far;
}

/// The number of a lane's thresholds that a value reaches, whose upper bits are `so_far`, by the steps that are left. In each, the words of
/// a row of constants are twice as many as in the one before, the first of them at `words`.
template <class Value, class Level, class... Deeper>
unsigned found(const Value &value, unsigned words, unsigned lane, unsigned so_far, const Level &level, const Deeper &...deeper) {
#pragma HLS INLINE
  const bool reached = element(level, words + so_far, lane) <= value;
  return found(value, 2 * words, lane, 2 * so_far + reached, deeper...);
}

/// Integers to codes, each channel with its own thresholds, which ascend. One process, II=1.
///   in       Beat<kBeside*kSimd, In>   in the order of order.h
///   out      Beat<kBeside*kSimd, Out>  in the same order
///   cycles   kPixels * kRepeats * kIn/kSimd a frame
///   storage  of step 0 a row of kSimd thresholds for every kSimd channels, of step k a ROM for each lane, of 2**k thresholds for every
///            kSimd channels; see rom.h
///   misuse   a frame whose pixels are not kIn channels meets the thresholds of other channels, and those that do not ascend give wrong
///            codes, without a sign; another number of steps than Out has bits is refused by static_assert
template <class Layer, class Middle, class... Levels>
void search(hls::stream<Beat<Order<Layer>::kLanes, typename Layer::In>> &in,
            hls::stream<Beat<Order<Layer>::kLanes, typename Layer::Out>> &out,
            const Middle &middle, const Levels &...levels) {
  using In = typename Layer::In;
  using Out = typename Layer::Out;
  static_assert(1 + sizeof...(levels) == Out::kBits, "a step gives a bit: change Out or the levels");
  RowOfBeat<Layer> row;
Search_Beats:
  for (unsigned i = 0; i < Order<Layer>::kBeats; ++i) {
#pragma HLS PIPELINE II=1 style=frp
    fire<Search<Layer>>();
    const Beat<Order<Layer>::kLanes, In> values = in.read();
    Beat<Order<Layer>::kLanes, Out> codes = 0;
    for (unsigned s = 0; s < Order<Layer>::kLanes; ++s) {
#pragma HLS UNROLL
      const auto value = lane<In>(values, s);
      const bool upper = element(middle, row, s % Layer::kSimd) <= value;
      const unsigned reached = found(value, 2 * row, s, upper, levels...);
      set_lane<Out>(codes, s, typename Out::Value(int(reached) + Out::lowest()));
    }
    out.write(codes);
    row.advance();
  }
}

/// The same in the order of a design, inputs, constants, outputs: what is given last cannot follow a list of any length, so each level in
/// turn goes to the end, and is cut into its memories on the way. UNCONFIRMED: that inlined in a dataflow region this leaves nothing there but
/// the call of the one above, as its canonical form wants it (UG1399).
template <class Layer, class T, unsigned roms, unsigned rows, unsigned integers, class... Others>
void search(hls::stream<Beat<Order<Layer>::kLanes, typename Layer::In>> &in, const T (&level)[roms][rows][integers], Others &...others) {
#pragma HLS INLINE
#pragma HLS ARRAY_PARTITION variable=level complete dim=1
#pragma HLS ARRAY_RESHAPE variable=level complete dim=3
  constexpr unsigned kLanes = rows == Order<Layer>::kRows ? Layer::kSimd : Order<Layer>::kLanes;
  static_assert(rows % Order<Layer>::kRows == 0 && rows_hold(roms, integers, kLanes),
                "a step has thresholds for every lane: see hls/roms.py");
  search<Layer>(in, others..., level);
}

}  // namespace resflow
