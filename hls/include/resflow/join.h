// Join: the two branches of a residual block meet.
#pragma once

#include "formats.h"
#include "simulation.h"

namespace resflow {

template <class Layer>
struct Join;

/// Sum of residual codes with a zero point: code = min(max(a + b - kZero, 0), 2^bits - 1). One process, II=1.
///   main, bypass, out  Beat<kLanes, Code>
///   cycles             kBeats a frame
///   misuse             a branch that is a beat short stops the block; one that is a beat ahead is added one beat off from then on,
///                      which only the beats left over at the end show; a zero point outside Code is refused by static_assert
template <class Layer>
void join(hls::stream<Beat<Layer::kLanes, typename Layer::Code>> &main, hls::stream<Beat<Layer::kLanes, typename Layer::Code>> &bypass,
          hls::stream<Beat<Layer::kLanes, typename Layer::Code>> &out) {
  using Code = typename Layer::Code;
  using Sum = ap_int<Code::kBits + 2>;  // -kZero ... 2*kHighest
  constexpr unsigned kHighest = (1u << Code::kBits) - 1;
  static_assert(Layer::kZero <= kHighest, "the zero point is a code");
Join_Beats:
  for (unsigned i = 0; i < Layer::kBeats; ++i) {
#pragma HLS PIPELINE II=1 style=frp
    fire<Join<Layer>>();
    const auto a = main.read();
    const auto b = bypass.read();
    Beat<Layer::kLanes, Code> codes = 0;
    for (unsigned l = 0; l < Layer::kLanes; ++l) {
#pragma HLS UNROLL
      const Sum sum = Sum(lane<Code>(a, l)) + Sum(lane<Code>(b, l)) - Sum(Layer::kZero);
      set_lane<Code>(codes, l, sum < 0 ? Sum(0) : sum > Sum(kHighest) ? Sum(kHighest) : sum);
    }
    out.write(codes);
  }
}

}  // namespace resflow
