// Ones in a word, counted by compressors: of six bits a LUT for each of the three bits of their number, then a tree of adders. A tree of
// adders alone takes twice as many LUTs: its first adders have one bit to add, and no use for the rest of a LUT.
//
// Compressors are written as boolean equations, bit by bit of whole words, so that a tool can make no carry chain of them, and a C
// simulation counts many bits at once.
//
// Misuse: PopCount of more than 64 bits is refused by static_assert; a word with other bits than those that are counted is counted wrong.
#pragma once

#include "formats.h"

namespace resflow {

/// At most 64 bits; those above the ones that are in use are 0.
using Bits = unsigned long long;

/// The lowest `bits` bits.
template <unsigned bits>
constexpr Bits ones_below() {
  return bits >= 64 ? ~Bits(0) : (Bits(1) << bits % 64) - 1;
}

/// Part `i` of a word that is cut into parts of `bits` bits.
template <unsigned bits>
Bits part(Bits word, unsigned i) {
#pragma HLS INLINE
  return word >> i * bits & ones_below<bits>();
}

/// The number of ones among three bits, or six, of each place: bit i of `ones` counts once, of `twos` twice, of `fours` four times.
struct Counted {
  Bits ones, twos, fours;
};

inline Counted count_three(Bits a, Bits b, Bits c) {
#pragma HLS INLINE
  const Bits odd = a ^ b;
  return {odd ^ c, (a & b) | (c & odd), 0};
}

/// `bits` bits in groups of six: part i of six equal ones has bit i of each group.
template <unsigned bits>
Counted count_six(Bits word) {
#pragma HLS INLINE
  constexpr unsigned kGroups = (bits + 5) / 6;
  const Counted low = count_three(part<kGroups>(word, 0), part<kGroups>(word, 1), part<kGroups>(word, 2));
  const Counted high = count_three(part<kGroups>(word, 3), part<kGroups>(word, 4), part<kGroups>(word, 5));
  const Bits carry = low.ones & high.ones, odd = low.twos ^ high.twos;
  return {low.ones ^ high.ones, odd ^ carry, (low.twos & high.twos) | (carry & odd)};
}

/// The sum of the numbers of all groups, a balanced tree.
template <unsigned groups>
struct SumOfGroups {
  static constexpr unsigned kLow = groups / 2;
  static unsigned of(Bits ones, Bits twos, Bits fours) {
#pragma HLS INLINE
    return SumOfGroups<kLow>::of(ones, twos, fours) + SumOfGroups<groups - kLow>::of(ones >> kLow, twos >> kLow, fours >> kLow);
  }
};

template <>
struct SumOfGroups<1> {
  static unsigned of(Bits ones, Bits twos, Bits fours) {
#pragma HLS INLINE
    return (ones & 1) | (twos & 1) << 1 | (fours & 1) << 2;
  }
};

template <unsigned bits>
struct PopCount {
  static_assert(bits <= 64, "count fewer at a time, and add: see PlaneProducts in dot.h");
  static unsigned of(Bits word) {
#pragma HLS INLINE
    const Counted counted = count_six<bits>(word);
    return SumOfGroups<(bits + 5) / 6>::of(counted.ones, counted.twos, counted.fours);
  }
};

template <>
struct PopCount<0> {
  static unsigned of(Bits) { return 0; }
};

}  // namespace resflow
