// Number formats, and the stream word made of them.
//
// A format is a tag: kBits wide, with the value type the arithmetic uses. A beat is a plain ap_uint, because UG1399 ("Using
// HLS Streams") advises against classes with methods as a stream's type; lane 0 sits in the least significant bits.
//
// Misuse: ap_int.h included before this header keeps its limit of 1,024 bits, and wider beats do not compile. lane() and set_lane()
// of another format than the stream's read and write bits across lanes, without a sign. set_lane() cuts off what kBits do not hold.
#pragma once

// Beats may be as wide as a stream may be; the default is 1,024 bits, and has to be raised before ap_int.h is read.
#ifndef AP_INT_MAX_W
#define AP_INT_MAX_W 4096
#endif

#include <ap_int.h>
#include <hls_stream.h>

namespace resflow {

template <unsigned bits>
struct UInt {
  static constexpr unsigned kBits = bits;
  static constexpr bool kSigned = false;
  using Value = ap_uint<bits>;
  static constexpr int lowest() { return 0; }
};

template <unsigned bits>
struct Int {
  static constexpr unsigned kBits = bits;
  static constexpr bool kSigned = true;
  using Value = ap_int<bits>;
  static constexpr int lowest() { return -(1 << (bits - 1)); }  // of a code, which has at most 8 bits
};

/// Weights of -1 and +1 in one bit, 1 for +1. There is no value type: see dot.h for how they are multiplied.
struct Bipolar {
  static constexpr unsigned kBits = 1;
};

template <unsigned lanes, class Format>
using Beat = ap_uint<lanes * Format::kBits>;

/// What a bus to card memory carries in a cycle.
using Word = ap_uint<512>;

template <class Format, int width>
typename Format::Value lane(const ap_uint<width> &beat, unsigned i) {
#pragma HLS INLINE
  return typename Format::Value(beat.range((i + 1) * Format::kBits - 1, i * Format::kBits));
}

template <class Format, int width>
void set_lane(ap_uint<width> &beat, unsigned i, typename Format::Value value) {
#pragma HLS INLINE
  beat.range((i + 1) * Format::kBits - 1, i * Format::kBits) = value;
}

/// A beat with one value in all lanes.
template <unsigned lanes, class Format>
Beat<lanes, Format> filled(typename Format::Value value) {
#pragma HLS INLINE
  Beat<lanes, Format> beat = 0;
  for (unsigned i = 0; i < lanes; ++i) {
#pragma HLS UNROLL
    set_lane<Format>(beat, i, value);
  }
  return beat;
}

}  // namespace resflow
