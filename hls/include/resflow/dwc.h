// Data width converter: the same codes in the same order, more or fewer of them a beat.
#pragma once

#include "counter.h"
#include "formats.h"
#include "simulation.h"

namespace resflow {

template <class Layer>
struct Dwc;

/// Narrow beats to wide ones or wide to narrow, by a whole ratio. One process, II=1.
/// A shift register both ways: narrow beats come in at the top and move down, or leave at the bottom. To write each where it belongs
/// would take a multiplexer per bit.
///   in      Beat<kLanesIn, Code>
///   out     Beat<kLanesOut, Code>
///   cycles  kCodes / min(kLanesIn, kLanesOut) a frame
///   misuse  lanes of which neither divides the other, and frames that end within a wide beat, are refused by static_assert
template <class Layer>
void dwc(hls::stream<Beat<Layer::kLanesIn, typename Layer::Code>> &in, hls::stream<Beat<Layer::kLanesOut, typename Layer::Code>> &out) {
  constexpr bool kWidens = Layer::kLanesOut > Layer::kLanesIn;
  constexpr unsigned kWide = kWidens ? Layer::kLanesOut : Layer::kLanesIn;
  constexpr unsigned kNarrow = kWidens ? Layer::kLanesIn : Layer::kLanesOut;
  constexpr unsigned kRatio = kWide / kNarrow;
  static_assert(kWide % kNarrow == 0, "convert by way of a common multiple: see dataflow/layout/chain.py");
  static_assert(Layer::kCodes % kWide == 0, "a frame must fill its last beat");
  constexpr unsigned kNarrowBits = kNarrow * Layer::Code::kBits;

  ap_uint<kRatio * kNarrowBits> buffer = 0;
  Counter<kRatio - 1> part = 0;
Dwc_Beats:
  for (unsigned i = 0; i < Layer::kCodes / kNarrow; ++i) {
#pragma HLS PIPELINE II=1 style=frp
    // Invariant: `part` narrow beats of the wide one at hand have passed.
    fire<Dwc<Layer>>();
    if (kWidens) {
      buffer >>= kNarrowBits;
      buffer.range(kRatio * kNarrowBits - 1, (kRatio - 1) * kNarrowBits) = in.read();
      if (part == kRatio - 1) out.write(buffer);
    } else {
      if (part == 0) buffer = in.read();
      out.write(ap_uint<kNarrowBits>(buffer));
      buffer >>= kNarrowBits;
    }
    part.advance();
  }
}

}  // namespace resflow
