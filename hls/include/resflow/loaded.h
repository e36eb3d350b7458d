// Constants that are loaded: a unit takes its own from the messages of a chain, in front of every frame.
//
// The chain carries words of 64 bits through all units whose constants are loaded, one after the other. A message is a header and what it
// announces: N > 0 is a load, and N words follow; 0 is the token of a frame. A unit reads messages up to the token of its next frame. Of a
// load it takes the words of its own rows and passes on the rest, under a header that counts as many less; the token it passes on and then
// computes one frame. So a frame never meets half a load, however many frames are under way in the units behind one another.
//
// A unit's function has its arrays, [memory][address][integer] as in rom.h but written, and fills them before it calls the unit of the
// library, which reads them as it reads ROMs:
//
//   static ap_uint<64> weights[1][18][4];
//   Rows<Layer::kWeightsStorage>::hold(weights);
//   take<Mvau<Layer>, Layer::kWeightsRow>(constants_in, constants_out, weights);
//   mvau<Layer>(in, weights, out);
//
// All integers of a row are written in one iteration, since a row is one word of its memory: it is collected in registers before.
//
// UNCONFIRMED, for no such function has been through the tools:
// - that the pragmas by which a unit shapes its parameters shape the arrays here, which are written too, as they do those of ROMs; AMD's
//   Vitis Vision reshapes arrays in UltraRAM in this way, but where it declares them;
// - that they make one wide write of those of all integers, as the array is reshaped, and not a sequence of writes of parts, which would
//   take as many cycles and read the word back each time;
// - that a static array in UltraRAM, which is zero in C++ and can have no initial contents, is taken: it is never read before it is
//   written, as no token comes before a load;
// - that a function of several loops is not rewound: between two frames it idles as long as its pipeline is deep and for the cycles of a
//   call, which the timing simulation counts;
// - that the tools find the latency of UltraRAM, above all of several in a row, which Vivado pipelines only if it is given the registers.
//
// Misuse: a load of another number of words than the chain's units take together leaves words over, which are read as headers; a frame
// that comes before a load is computed with what the memories hold. The DMA's configure keeps both away.
#pragma once

#include "counter.h"
#include "formats.h"
#include "rom.h"
#include "simulation.h"
#include "storage.h"

namespace resflow {

/// What the chain carries in a cycle: a header, or a part of a row.
using Part = Beat<1, UInt<64>>;

/// What holds rows that are loaded. In registers each row has its own; the pragmas of rom.h make words of the rows themselves.
template <Storage storage>
struct Rows {
  template <class Array>
  static void hold(Array &array) {
#pragma HLS INLINE
    Memory<storage>::holds(array);
  }
};

template <>
struct Rows<Storage::kRegisters> {
  template <class Array>
  static void hold(Array &array) {
#pragma HLS INLINE
#pragma HLS ARRAY_PARTITION variable=array complete dim=2
    (void)array;
  }
};

/// `bits` of a row, from bit `first` on; what is behind its end is 0.
template <unsigned bits, unsigned parts>
ap_uint<bits> bits_of_row(const Part (&row)[parts], unsigned first) {
#pragma HLS INLINE
  const unsigned part = first / 64, skip = first % 64;  // constants, once the loops around are unrolled
  ap_uint<bits> found = 0;
  if (part < parts) found = row[part] >> skip;
  if (part + 1 < parts && skip + bits > 64) found |= ap_uint<bits>(row[part + 1]) << (64 - skip);
  return found;
}

constexpr unsigned parts_of(unsigned row_bits) { return (row_bits + 63) / 64; }

/// The words of a load that fill an array.
template <unsigned row_bits, class Array>
struct LoadWords;

template <unsigned row_bits, class T, unsigned memories, unsigned addresses, unsigned integers>
struct LoadWords<row_bits, T[memories][addresses][integers]> {
  static constexpr unsigned kWords = addresses * parts_of(row_bits);
};

constexpr unsigned sum() { return 0; }
template <class... Others>
constexpr unsigned sum(unsigned first, Others... others) {
  return first + sum(others...);
}

template <unsigned... none>
void take_rows(hls::stream<Part> &) {
#pragma HLS INLINE
}

/// All rows of the arrays, one array after the other: of each row `row_bits`, packed from bit 0 on, the first part lowest.
template <unsigned row_bits, unsigned... others_bits, class T, unsigned memories, unsigned addresses, unsigned integers, class... Others>
void take_rows(hls::stream<Part> &in, T (&array)[memories][addresses][integers], Others &...others) {
#pragma HLS INLINE
  constexpr unsigned kParts = parts_of(row_bits), kBits = Integer<T>::kBits;
  static_assert(memories * integers * kBits >= row_bits, "a row fits into its memories; see hls/structs.py");
  Part row[kParts];
#pragma HLS ARRAY_PARTITION variable=row complete
  Counter<kParts - 1> part = 0;
  Counter<addresses - 1> address = 0;
Take_Parts:
  for (unsigned i = 0; i < addresses * kParts; ++i) {
#pragma HLS PIPELINE II=1 style=flp
    // Invariant: i = address*kParts + part, and the last `part` places of row hold as many parts of the row.
    for (unsigned p = 0; p + 1 < kParts; ++p) {
#pragma HLS UNROLL
      row[p] = row[p + 1];
    }
    row[kParts - 1] = in.read();
    if (part.advance()) {
      for (unsigned m = 0; m < memories; ++m) {
#pragma HLS UNROLL
        for (unsigned n = 0; n < integers; ++n) {
#pragma HLS UNROLL
          array[m][address][n] = T(bits_of_row<kBits>(row, (m * integers + n) * kBits));
        }
      }
      address.advance();
    }
  }
  take_rows<others_bits...>(in, others...);
}

/// Messages up to and with the token of a frame, whose firing of the unit `Tag` this is; loads are not counted.
///   in     Part  messages; of a load the first words are those of `arrays`, in their order
///   out    Part  the messages for the units behind: the same without those words
template <class Tag, unsigned... row_bits, class... Arrays>
void take(hls::stream<Part> &in, hls::stream<Part> &out, Arrays &...arrays) {
#pragma HLS INLINE
  constexpr unsigned kOwn = sum(LoadWords<row_bits, Arrays>::kWords...);
Take_Messages:
  for (Part words = in.read(); words != 0; words = in.read()) {
    const unsigned others = words.to_uint() - kOwn;
    out.write(others);
    take_rows<row_bits...>(in, arrays...);
  Pass_Words:
    for (unsigned word = 0; word < others; ++word) {
#pragma HLS PIPELINE II=1 style=flp
      out.write(in.read());
    }
  }
  fire<Tag>();
  out.write(0);
}

/// The same at the end of the chain, where all words of a load are those of `arrays`.
template <class Tag, unsigned... row_bits, class T, unsigned memories, unsigned addresses, unsigned integers, class... Others>
void take(hls::stream<Part> &in, T (&first)[memories][addresses][integers], Others &...others) {
#pragma HLS INLINE
Take_Messages:
  for (Part words = in.read(); words != 0; words = in.read()) {
    take_rows<row_bits...>(in, first, others...);
  }
  fire<Tag>();
}

}  // namespace resflow
