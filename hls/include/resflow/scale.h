// Multiply-add-shift: values to codes by a multiplier and a bias of each channel, instead of thresholds.
#pragma once

#include "formats.h"
#include "multiply.h"
#include "order.h"
#include "rom.h"
#include "simulation.h"

namespace resflow {

/// a / b rounded down, of a positive b.
constexpr int quotient_below(int a, int b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }

constexpr unsigned most_of(unsigned a, unsigned b) { return a > b ? a : b; }

/// The code of a value:
///   r = multiplier * value + bias
///   q = r >> kShift            with kHalfEven, where nothing is shifted out: that is a tie, and q becomes even, one less if it was odd
///   kStep * q + kOffset        clamped to kLow ... kHigh
template <class Layer>
struct Rescale {
  using In = typename Layer::In;
  using Multiplier = typename Layer::Multiplier::Value;
  using Bias = typename Layer::Bias::Value;
  static constexpr int kStep = Layer::kStep, kOffset = Layer::kOffset, kLow = Layer::kLow, kHigh = Layer::kHigh;
  // The q whose codes are the lowest and the highest, or just outside: no other is needed.
  static constexpr int kBottom = quotient_below(kLow - kOffset, kStep), kTop = -quotient_below(kOffset - kHigh, kStep);
  static constexpr unsigned kProductBits = In::kBits + Layer::Multiplier::kBits + 1;
  static constexpr unsigned kBits = 1 + most_of(most_of(kProductBits, Layer::Bias::kBits), Layer::kShift + 1);
  static constexpr bool kNarrow = Layer::Multiplier::kBits <= 4;

  static typename Layer::Out::Value code(const typename In::Value &value, const Multiplier &multiplier, const Bias &bias) {
#pragma HLS INLINE
    const ap_int<kBits> r = ap_int<kBits>(Product<kNarrow>::of(multiplier, value)) + bias;
    ap_int<kBits> q = r >> Layer::kShift;
    if (Layer::kHalfEven && ap_int<kBits>(q << Layer::kShift) == r) q[0] = 0;
    const int near = q < kBottom ? kBottom : q > kTop ? kTop : q.to_int();
    const int code = kStep * near + kOffset;
    return typename Layer::Out::Value(code < kLow ? kLow : code > kHigh ? kHigh : code);
  }
};

template <class Layer>
struct Scale;

/// Integers to codes, each channel with its own multiplier and bias. One process, II=1.
///   in       Beat<kBeside*kSimd, In>   in the order of order.h
///   out      Beat<kBeside*kSimd, Out>  in the same order
///   cycles   kPixels * kRepeats * kIn/kSimd a frame
///   storage  a row of kSimd multipliers and one of kSimd biases for every kSimd channels; see rom.h
///   misuse   a frame whose pixels are not kIn channels meets the constants of other channels; codes that Out does not hold wrap without a
///            sign; another number of constants is refused by static_assert
template <class Layer, class M, unsigned multiplier_roms, unsigned multiplier_integers, class B, unsigned bias_roms, unsigned bias_integers>
void scale(hls::stream<Beat<Order<Layer>::kLanes, typename Layer::In>> &in,
           const M (&multipliers)[multiplier_roms][Order<Layer>::kRows][multiplier_integers],
           const B (&biases)[bias_roms][Order<Layer>::kRows][bias_integers],
           hls::stream<Beat<Order<Layer>::kLanes, typename Layer::Out>> &out) {
#pragma HLS ARRAY_PARTITION variable=multipliers complete dim=1
#pragma HLS ARRAY_RESHAPE variable=multipliers complete dim=3
#pragma HLS ARRAY_PARTITION variable=biases complete dim=1
#pragma HLS ARRAY_RESHAPE variable=biases complete dim=3
  static_assert(rows_hold(multiplier_roms, multiplier_integers, Layer::kSimd), "a row holds the multipliers of kSimd channels; see hls/roms.py");
  static_assert(rows_hold(bias_roms, bias_integers, Layer::kSimd), "a row holds the biases of kSimd channels; see hls/roms.py");
  RowOfBeat<Layer> row;
Scale_Beats:
  for (unsigned i = 0; i < Order<Layer>::kBeats; ++i) {
#pragma HLS PIPELINE II=1 style=frp
    fire<Scale<Layer>>();
    const Beat<Order<Layer>::kLanes, typename Layer::In> values = in.read();
    Beat<Order<Layer>::kLanes, typename Layer::Out> codes = 0;
    for (unsigned s = 0; s < Order<Layer>::kLanes; ++s) {
#pragma HLS UNROLL
      const unsigned channel = s % Layer::kSimd;
      const typename Layer::Multiplier::Value multiplier = element(multipliers, row, channel);
      const typename Layer::Bias::Value bias = element(biases, row, channel);
      set_lane<typename Layer::Out>(codes, s, Rescale<Layer>::code(lane<typename Layer::In>(values, s), multiplier, bias));
    }
    out.write(codes);
    row.advance();
  }
}

}  // namespace resflow
