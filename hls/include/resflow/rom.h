// Constants in wide ROMs: an address gives a row, which is what all PEs of a layer read at once.
//
// A ROM is an array [rom][address][integer] of plain integers; hls/roms.py writes it. What is loaded at start, see loaded.h, is the same of
// integers of just their bits, since no tool sees which it could leave out. Its user makes one memory of each `rom`, as wide as its row,
// by two pragmas:
//
//   #pragma HLS ARRAY_PARTITION variable=rom complete dim=1
//   #pragma HLS ARRAY_RESHAPE variable=rom complete dim=3
//
// Nearly every layer has one; rows of more than 4,096 bits are cut into several. One memory for all PEs fills block RAMs better than one
// for each, and is a module instead of hundreds. Only what lanes read at addresses of their own, as in table.h and search.h, is a ROM for each
// lane, of a single integer a row. UNCONFIRMED: that the tools take both pragmas on one array, each for its own dimension;
// UG1399 allows each, and says nothing of the two together.
//
// Misuse: indices are not checked. A row of another layer gives wrong results without a sign.
#pragma once

#include "formats.h"

namespace resflow {

/// Bits of an integer in a row: all of a plain one's.
template <class T>
struct Integer {
  static constexpr unsigned kBits = 8 * sizeof(T);
};

template <int bits>
struct Integer<ap_uint<bits>> {
  static constexpr unsigned kBits = bits;
};

template <int bits>
struct Integer<ap_int<bits>> {
  static constexpr unsigned kBits = bits;
};

/// Whether rows of `needed` integers, cut into pieces for `roms` ROMs, are `integers` long.
constexpr bool rows_hold(unsigned roms, unsigned integers, unsigned needed) {
  return integers == (needed + roms - 1) / roms;
}

/// Integer i of the row at an address. i is a constant once the loops around are unrolled: its / and % are computed then, not built.
template <class T, unsigned roms, unsigned addresses, unsigned integers>
T element(const T (&rom)[roms][addresses][integers], unsigned address, unsigned i) {
#pragma HLS INLINE
  return rom[i / integers][address][i % integers];
}

/// The weights of one PE: `lanes` of them, which follow those of the PE before without a gap.
template <unsigned lanes, class Layer, class Word, unsigned roms, unsigned addresses, unsigned words>
ap_uint<lanes * Layer::Weight::kBits> weights_of(const Word (&rom)[roms][addresses][words], unsigned address, unsigned pe) {
#pragma HLS INLINE
  constexpr unsigned kBits = lanes * Layer::Weight::kBits, kWord = Integer<Word>::kBits;
  static_assert(rows_hold(roms, words, (Layer::kPe * kBits + kWord - 1) / kWord), "a row holds the weights of kPe PEs; see hls/roms.py");
  constexpr unsigned kTouched = (kBits + kWord - 1) / kWord + 1;  // the most words that hold a part of them
  const unsigned first = pe * kBits / kWord, skip = pe * kBits % kWord;  // constants, too
  ap_uint<kBits> all = ap_uint<kBits>(element(rom, address, first) >> skip);
  for (unsigned i = 1; i < kTouched; ++i) {
#pragma HLS UNROLL
    if (i * kWord < skip + kBits) all |= ap_uint<kBits>(element(rom, address, first + i)) << (i * kWord - skip);
  }
  return all;
}

}  // namespace resflow
