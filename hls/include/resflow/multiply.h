// The product of a value and a factor: of scores, of what joins, and of activations that scale.
//
// Misuse: the product has the bits of both factors; what it is given to cuts off those it does not hold.
#pragma once

#include "formats.h"

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

}  // namespace resflow
