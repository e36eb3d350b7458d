// The PEs of a layer: what they multiply in a cycle, added to what they have of a window.
//
// A layer's kDsp says what multiplies: LUTs, see dot.h, or DSPs, several products in each, see packed.h.
//
// Misuse: an Acc too narrow for the sum wraps without a sign, and so do sums from which `offset` is not taken.
#pragma once

#include "dot.h"
#include "formats.h"
#include "packed.h"

namespace resflow {

/// Of `pixels` pixels side by side, `lanes` codes of each, with the same weights.
///   beat         the codes, pixel by pixel
///   words        the weights of each PE
///   acc, offset  the sums of each pixel and PE; what those of a pixel have too much, once all `beats` beats of a window are added
template <unsigned lanes, unsigned pixels, class Layer, bool dsp>
struct Pes {
  using MAC = Dot<lanes, typename Layer::In, typename Layer::Weight, typename Layer::Acc>;
  using Acc = typename Layer::Acc::Value;
  using Word = ap_uint<lanes * Layer::Weight::kBits>;

  template <unsigned beats>
  static void add(const Beat<pixels * lanes, typename Layer::In> &beat, const Word (&words)[Layer::kPe], bool is_first,
                  Acc (&acc)[pixels][Layer::kPe], Acc (&offset)[pixels]) {
#pragma HLS INLINE
    constexpr unsigned kPixelBits = lanes * Layer::In::kBits;
    for (unsigned p = 0; p < pixels; ++p) {
#pragma HLS UNROLL
      const typename MAC::Operand operand =
          MAC::operand(Beat<lanes, typename Layer::In>(beat.range((p + 1) * kPixelBits - 1, p * kPixelBits)));
      offset[p] = (is_first ? Acc(0) : offset[p]) + MAC::offset(operand);
      for (unsigned pe = 0; pe < Layer::kPe; ++pe) {
#pragma HLS UNROLL
        acc[p][pe] = (is_first ? Acc(0) : acc[p][pe]) + MAC::dot(operand, words[pe]);
      }
    }
  }
};

/// In DSPs, what sums have too much is a constant, which is taken off where a window begins.
template <unsigned lanes, unsigned pixels, class Layer>
struct Pes<lanes, pixels, Layer, true> {
  using MAC = Packed<lanes, pixels, Layer>;
  using Acc = typename Layer::Acc::Value;

  template <unsigned beats>
  static void add(const Beat<pixels * lanes, typename Layer::In> &beat, const typename MAC::Word (&words)[Layer::kPe], bool is_first,
                  Acc (&acc)[pixels][Layer::kPe], Acc (&offset)[pixels]) {
#pragma HLS INLINE
    typename MAC::Total sums[pixels][Layer::kPe];
#pragma HLS ARRAY_PARTITION variable=sums complete dim=0
    MAC::add(beat, words, sums);
    for (unsigned p = 0; p < pixels; ++p) {
#pragma HLS UNROLL
      offset[p] = 0;
      for (unsigned pe = 0; pe < Layer::kPe; ++pe) {
#pragma HLS UNROLL
        acc[p][pe] = (is_first ? Acc(-MAC::kExcess * beats) : acc[p][pe]) + sums[p][pe];
      }
    }
  }
};

}  // namespace resflow
