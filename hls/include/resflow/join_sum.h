// Join for thresholds: the two branches of a residual block meet, each times its factor.
#pragma once

#include "counter.h"
#include "formats.h"
#include "multiply.h"
#include "rom.h"
#include "simulation.h"

namespace resflow {

template <class Layer>
struct JoinSum;

/// Sums of codes or of a convolution's sums, a*main + b*bypass - kZero, with factors from a ROM. One process, II=1.
///   main     Beat<kLanes, Main>
///   bypass   Beat<kLanes, Bypass>
///   out      Beat<kLanes, Out>
///   cycles   kBeats a frame
///   storage  a row of kPairs pairs of factors, a first, for each of kRows beats of a pixel: a pair for each lane, or one for all; see rom.h
///   misuse   a branch that is a beat short stops the block; one that is a beat ahead is added one beat off from then on; an Out too
///            narrow wraps without a sign; another number of factors is refused by static_assert
template <class Layer, class T, unsigned roms, unsigned integers>
void join_sum(hls::stream<Beat<Layer::kLanes, typename Layer::Main>> &main, hls::stream<Beat<Layer::kLanes, typename Layer::Bypass>> &bypass,
              const T (&factors)[roms][Layer::kRows][integers], hls::stream<Beat<Layer::kLanes, typename Layer::Out>> &out) {
#pragma HLS ARRAY_PARTITION variable=factors complete dim=1
#pragma HLS ARRAY_RESHAPE variable=factors complete dim=3
  static_assert(Layer::kPairs == 1 || Layer::kPairs == Layer::kLanes, "a pair of factors for each lane, or one for all");
  static_assert(rows_hold(roms, integers, 2 * Layer::kPairs), "a row holds kPairs pairs of factors; see hls/roms.py");
  using Sum = typename Layer::Out::Value;
  using Factor = typename Layer::Factor::Value;
  constexpr unsigned kStep = Layer::kPairs == 1 ? 0 : 2;  // from the factors of a lane to those of the next
  constexpr bool kNarrowMain = Layer::Main::kBits <= 4 || Layer::Factor::kBits <= 4;
  constexpr bool kNarrowBypass = Layer::Bypass::kBits <= 4 || Layer::Factor::kBits <= 4;
  Counter<Layer::kRows - 1> row = 0;
JoinSum_Beats:
  for (unsigned i = 0; i < Layer::kBeats; ++i) {
#pragma HLS PIPELINE II=1 style=frp
    fire<JoinSum<Layer>>();
    const auto a = main.read();
    const auto b = bypass.read();
    Beat<Layer::kLanes, typename Layer::Out> sums = 0;
    for (unsigned l = 0; l < Layer::kLanes; ++l) {
#pragma HLS UNROLL
      const Factor of_main = element(factors, row, l * kStep), of_bypass = element(factors, row, l * kStep + 1);
      const Sum scaled_main = Product<kNarrowMain>::of(of_main, lane<typename Layer::Main>(a, l));
      const Sum scaled_bypass = Product<kNarrowBypass>::of(of_bypass, lane<typename Layer::Bypass>(b, l));
      set_lane<typename Layer::Out>(sums, l, scaled_main + scaled_bypass - Layer::kZero);
    }
    out.write(sums);
    row.advance();
  }
}

/// The same with factors of 1: main + bypass - kZero, without a ROM.
template <class Layer>
void join_sum(hls::stream<Beat<Layer::kLanes, typename Layer::Main>> &main, hls::stream<Beat<Layer::kLanes, typename Layer::Bypass>> &bypass,
              hls::stream<Beat<Layer::kLanes, typename Layer::Out>> &out) {
  using Sum = typename Layer::Out::Value;
JoinSum_Beats:
  for (unsigned i = 0; i < Layer::kBeats; ++i) {
#pragma HLS PIPELINE II=1 style=frp
    fire<JoinSum<Layer>>();
    const auto a = main.read();
    const auto b = bypass.read();
    Beat<Layer::kLanes, typename Layer::Out> sums = 0;
    for (unsigned l = 0; l < Layer::kLanes; ++l) {
#pragma HLS UNROLL
      set_lane<typename Layer::Out>(sums, l, Sum(lane<typename Layer::Main>(a, l)) + Sum(lane<typename Layer::Bypass>(b, l)) - Layer::kZero);
    }
    out.write(sums);
  }
}

}  // namespace resflow
