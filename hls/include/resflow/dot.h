// The dot product of one beat of codes with one word of weights: what a PE does in a cycle.
//
//   operand(beat)          the beat, rearranged once for all PEs
//   dot(operand, weights)  the sum of products, plus offset()
//   offset(operand)        what every PE's sum has too much, the same for all of them; taken off once per window
//
// Misuse: an Acc too narrow for the sum wraps without a sign, and so does dot() alone where offset() is forgotten.
#pragma once

#include "formats.h"
#include "popcount.h"

namespace resflow {

/// A product of which one factor is narrow, in LUTs. Left to itself HLS decides by a limit of its own, and DSPs that the estimate does
/// not know of would appear. The estimate has the same limit, uses_dsp in dataflow/cost/formulas.py.
template <bool narrow>
struct Product {
  template <class A, class B>
  static auto of(const A &a, const B &b) {
#pragma HLS INLINE
    const auto product = a * b;
#pragma HLS BIND_OP variable=product op=mul impl=fabric
    return product;
  }
};

/// Of wide factors, as the tool likes: it fuses a product with an addition into one DSP where it can, which binding either would forbid.
template <>
struct Product<false> {
  template <class A, class B>
  static auto of(const A &a, const B &b) {
#pragma HLS INLINE
    return a * b;
  }
};

/// Two's complement or unsigned weights: multiply and add.
template <unsigned lanes, class In, class Weight, class Acc>
struct Dot {
  using Operand = Beat<lanes, In>;
  using Sum = typename Acc::Value;
  static constexpr bool kNarrow = In::kBits <= 4 || Weight::kBits <= 4;

  static Operand operand(const Beat<lanes, In> &beat) {
#pragma HLS INLINE
    return beat;
  }

  static Sum dot(const Operand &codes, const ap_uint<lanes * Weight::kBits> &weights) {
#pragma HLS INLINE
    Sum sum = 0;
    for (unsigned i = 0; i < lanes; ++i) {
#pragma HLS UNROLL
      sum += Product<kNarrow>::of(lane<Weight>(weights, i), lane<In>(codes, i));
    }
    return sum;
  }

  static Sum offset(const Operand &) {
#pragma HLS INLINE
    return 0;
  }
};

/// Bipolar weights on bit planes: sum(±a) = 2·sum(w ∧ a) − sum(a). A PE ANDs and counts; the last term is common to all PEs.
/// The highest plane of signed codes counts negative. An add-or-subtract per lane costs three times the LUTs.
template <unsigned lanes, class In, class Acc>
struct Dot<lanes, In, Bipolar, Acc> {
  using Operand = Beat<lanes, In>;  // bit plane b in bits b*lanes ... b*lanes + lanes-1
  using Sum = typename Acc::Value;

  static Operand operand(const Beat<lanes, In> &beat) {
#pragma HLS INLINE
    Operand planes;
    for (unsigned b = 0; b < In::kBits; ++b) {
#pragma HLS UNROLL
      for (unsigned i = 0; i < lanes; ++i) {
#pragma HLS UNROLL
        planes[b * lanes + i] = beat[i * In::kBits + b];
      }
    }
    return planes;
  }

  static Sum dot(const Operand &planes, const ap_uint<lanes> &weights) {
#pragma HLS INLINE
    Sum sum = 0;
    for (unsigned b = 0; b < In::kBits; ++b) {
#pragma HLS UNROLL
      const Sum ones = Sum(popcount(ap_uint<lanes>(plane(planes, b) & weights))) << (b + 1);
      sum = is_negative(b) ? Sum(sum - ones) : Sum(sum + ones);
    }
    return sum;
  }

  static Sum offset(const Operand &planes) {
#pragma HLS INLINE
    Sum sum = 0;
    for (unsigned b = 0; b < In::kBits; ++b) {
#pragma HLS UNROLL
      const Sum ones = Sum(popcount(plane(planes, b))) << b;
      sum = is_negative(b) ? Sum(sum - ones) : Sum(sum + ones);
    }
    return sum;
  }

 private:
  static constexpr bool is_negative(unsigned b) { return In::kSigned && b == In::kBits - 1; }

  static ap_uint<lanes> plane(const Operand &planes, unsigned b) {
#pragma HLS INLINE
    return ap_uint<lanes>(planes.range((b + 1) * lanes - 1, b * lanes));
  }
};

}  // namespace resflow
