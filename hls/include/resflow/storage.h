// What holds an array that a unit writes and reads.
//
// Left to itself HLS decides by limits of its own, release by release: a ring buffer the estimate has in LUTs would be in block RAM, or the
// other way round. So the layer's struct says for each array what dataflow/cost/storage.py decided, and its user binds it behind its
// declaration:
//
//   Pixel ring[kBanks][kRing];
//   Memory<Layer::kRingStorage>::holds(ring);
//
// A pragma takes no template parameter for a kind of memory, hence a function for each; inlined, its pragma is that of the array it is
// given. finn-hlslib binds its sliding windows in the same way. Of one port that writes and one that reads, every array here needs no more.
//
// Misuse: pragmas bind nothing in C simulation. An array that is not bound computes the same; tests/hls/test_storage.py finds it.
#pragma once

namespace resflow {

enum class Storage { kRegisters, kLutram, kBram, kUram };

template <Storage storage>
struct Memory;

/// Few words: each can be read and written in any cycle, also the one after it was written.
template <>
struct Memory<Storage::kRegisters> {
  template <class Array>
  static void holds(Array &array) {
#pragma HLS INLINE
#pragma HLS ARRAY_PARTITION variable=array complete dim=0
    (void)array;
  }
};

template <>
struct Memory<Storage::kLutram> {
  template <class Array>
  static void holds(Array &array) {
#pragma HLS INLINE
#pragma HLS BIND_STORAGE variable=array type=ram_s2p impl=lutram
    (void)array;
  }
};

template <>
struct Memory<Storage::kBram> {
  template <class Array>
  static void holds(Array &array) {
#pragma HLS INLINE
#pragma HLS BIND_STORAGE variable=array type=ram_s2p impl=bram
    (void)array;
  }
};

template <>
struct Memory<Storage::kUram> {
  template <class Array>
  static void holds(Array &array) {
#pragma HLS INLINE
#pragma HLS BIND_STORAGE variable=array type=ram_s2p impl=uram
    (void)array;
  }
};

}  // namespace resflow
