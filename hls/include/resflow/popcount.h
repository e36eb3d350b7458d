// Ones in a word, as a balanced tree of adders that grow by a bit per level.
//
// Misuse: PopCount of more than 64 bits is refused by static_assert; popcount() takes words of any width.
#pragma once

#include "formats.h"

namespace resflow {

template <unsigned bits>
struct PopCount {
  static_assert(bits <= 64, "longer words are counted 64 bits at a time; see popcount()");
  static constexpr unsigned kLow = bits / 2;
  static unsigned of(unsigned long long word) {
#pragma HLS INLINE
    return PopCount<kLow>::of(word) + PopCount<bits - kLow>::of(word >> kLow);
  }
};

template <>
struct PopCount<1> {
  static unsigned of(unsigned long long word) {
#pragma HLS INLINE
    return word & 1;
  }
};

template <int bits>
unsigned popcount(const ap_uint<bits> &word) {
#pragma HLS INLINE
  constexpr unsigned kTail = (bits - 1) % 64 + 1;
  unsigned count = PopCount<kTail>::of(ap_uint<kTail>(word.range(bits - 1, bits - kTail)).to_uint64());
  for (unsigned i = 0; i + kTail < bits; i += 64) {
#pragma HLS UNROLL
    count += PopCount<64>::of(ap_uint<64>(word.range(i + 63, i)).to_uint64());
  }
  return count;
}

}  // namespace resflow
