// The dot product of one beat of codes with one word of weights, in LUTs: what a PE does in a cycle.
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

/// Products of codes and weights on bit planes, where a product of two bits is an AND. Of three products of a pair of planes a LUT of six
/// inputs counts the ones, another the twos. What has the same weight, from whatever planes, is a column and counted together. The top
/// plane of a signed factor is negative: its products with planes that are not are in a sum of their own, which is `negative`.
template <unsigned lanes, class In, class Weight, bool negative>
struct Columns {
  static constexpr unsigned kTriples = (lanes + 2) / 3;
  static constexpr unsigned kColumns = In::kBits + Weight::kBits;

  static constexpr bool has(unsigned code_plane, unsigned weight_plane) {
    return ((In::kSigned && code_plane == In::kBits - 1) != (Weight::kSigned && weight_plane == Weight::kBits - 1)) == negative;
  }

  /// Pairs of planes whose products have bit `column` as their weight.
  static constexpr unsigned pairs(unsigned column, unsigned a = 0) {
    return a == In::kBits || a > column ? 0
                                        : (column - a < Weight::kBits && has(a, column - a) ? 1 : 0) + pairs(column, a + 1);
  }

  /// Bits of a column: ones of its own pairs, twos of those below.
  static constexpr unsigned height(unsigned column) { return (pairs(column) + (column > 0 ? pairs(column - 1) : 0)) * kTriples; }

  static unsigned sum(const Bits (&codes)[In::kBits], const Bits (&weights)[Weight::kBits]) {
#pragma HLS INLINE
    Bits columns[kColumns] = {};
    unsigned filled[kColumns] = {};
#pragma HLS ARRAY_PARTITION variable=columns complete
#pragma HLS ARRAY_PARTITION variable=filled complete
    for (unsigned a = 0; a < In::kBits; ++a) {
#pragma HLS UNROLL
      for (unsigned b = 0; b < Weight::kBits; ++b) {
#pragma HLS UNROLL
        if (has(a, b)) {
          const Bits products = codes[a] & weights[b];
          const Counted three = count_three(part<kTriples>(products, 0), part<kTriples>(products, 1), part<kTriples>(products, 2));
          columns[a + b] |= three.ones << filled[a + b];
          columns[a + b + 1] |= three.twos << filled[a + b + 1];
          filled[a + b] += kTriples;
          filled[a + b + 1] += kTriples;
        }
      }
    }
    return Sum<0, kColumns>::of(columns);
  }

 private:
  /// A balanced tree: the low bits of its lower half pass unchanged, those above are added.
  template <unsigned first, unsigned count>
  struct Sum {
    static constexpr unsigned kLow = count - count / 2;
    static unsigned of(const Bits (&columns)[kColumns]) {
#pragma HLS INLINE
      return Sum<first, kLow>::of(columns) + (Sum<first + kLow, count - kLow>::of(columns) << kLow);
    }
  };

  template <unsigned first>
  struct Sum<first, 1> {
    static unsigned of(const Bits (&columns)[kColumns]) {
#pragma HLS INLINE
      return PopCount<height(first)>::of(columns[first]);
    }
  };
};

/// Lanes `first` ... `first + count-1` of codes in planes and weights side by side: as many as a word holds weights of, else in two halves.
template <unsigned lanes, class In, class Weight, class Sum, unsigned first, unsigned count, bool is_one = (count * Weight::kBits <= 64)>
struct PlaneProducts {
  static Sum of(const Beat<lanes, In> &planes, const ap_uint<lanes * Weight::kBits> &weights) {
#pragma HLS INLINE
    constexpr unsigned kLow = count / 2;
    return Sum(PlaneProducts<lanes, In, Weight, Sum, first, kLow>::of(planes, weights) +
               PlaneProducts<lanes, In, Weight, Sum, first + kLow, count - kLow>::of(planes, weights));
  }
};

template <unsigned lanes, class In, class Weight, class Sum, unsigned first, unsigned count>
struct PlaneProducts<lanes, In, Weight, Sum, first, count, true> {
  static Sum of(const Beat<lanes, In> &planes, const ap_uint<lanes * Weight::kBits> &weights) {
#pragma HLS INLINE
    Bits code_planes[In::kBits], weight_planes[Weight::kBits] = {};
#pragma HLS ARRAY_PARTITION variable=code_planes complete
#pragma HLS ARRAY_PARTITION variable=weight_planes complete
    for (unsigned a = 0; a < In::kBits; ++a) {
#pragma HLS UNROLL
      code_planes[a] = ap_uint<count>(planes.range(a * lanes + first + count - 1, a * lanes + first)).to_uint64();
    }
    const Bits word =
        ap_uint<count * Weight::kBits>(weights.range((first + count) * Weight::kBits - 1, first * Weight::kBits)).to_uint64();
    if (Weight::kBits == 1) {
      weight_planes[0] = word;
    } else {
      for (unsigned i = 0; i < count; ++i) {
#pragma HLS UNROLL
        for (unsigned b = 0; b < Weight::kBits; ++b) {
#pragma HLS UNROLL
          weight_planes[b] |= (word >> (i * Weight::kBits + b) & 1) << i;
        }
      }
    }
    const Sum sum = Columns<count, In, Weight, false>::sum(code_planes, weight_planes);
    return In::kSigned || Weight::kSigned ? Sum(sum - Columns<count, In, Weight, true>::sum(code_planes, weight_planes)) : sum;
  }
};

/// Two's complement or unsigned weights.
template <unsigned lanes, class In, class Weight, class Acc>
struct Dot {
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

  static Sum dot(const Operand &planes, const ap_uint<lanes * Weight::kBits> &weights) {
#pragma HLS INLINE
    return PlaneProducts<lanes, In, Weight, Sum, 0, lanes>::of(planes, weights);
  }

  static Sum offset(const Operand &) {
#pragma HLS INLINE
    return 0;
  }
};

/// Bipolar weights: sum(±a) = 2·sum(w ∧ a) − sum(a). The last term is common to all PEs. An add-or-subtract per lane costs far more LUTs.
template <unsigned lanes, class In, class Acc>
struct Dot<lanes, In, Bipolar, Acc> {
  using Bit = Dot<lanes, In, UInt<1>, Acc>;
  using Operand = typename Bit::Operand;
  using Sum = typename Acc::Value;

  static Operand operand(const Beat<lanes, In> &beat) {
#pragma HLS INLINE
    return Bit::operand(beat);
  }

  static Sum dot(const Operand &planes, const ap_uint<lanes> &weights) {
#pragma HLS INLINE
    return Sum(Bit::dot(planes, weights) << 1);
  }

  static Sum offset(const Operand &planes) {
#pragma HLS INLINE
    return Bit::dot(planes, ~ap_uint<lanes>(0));
  }
};

}  // namespace resflow
