// Counters as wide as their range needs, that wrap by comparing.
//
// HLS narrows the index of a loop only; any other `unsigned` that lives from one iteration to the next stays a register of 32 bits, with
// an adder and comparisons of as many. A remainder or quotient would be worse: of a constant that is no power of two it becomes a divider.
//
// Misuse: a number above `most` loses its upper bits without a sign, and so does a step of more than most + 1.
#pragma once

#include "formats.h"

namespace resflow {

/// Bits that hold every number up to `most`; at least one.
constexpr unsigned bits_up_to(unsigned most) { return most < 2 ? 1 : 1 + bits_up_to(most / 2); }

/// One of 0 ... most. It computes as `unsigned`, which HLS does narrow between two registers.
template <unsigned most>
class Counter {
 public:
  Counter(unsigned value) : value_(value) {}
  operator unsigned() const { return value_.to_uint(); }

  /// To the next, after `most` to 0; true on the step back to 0.
  bool advance() {
#pragma HLS INLINE
    const unsigned now = *this;
    const bool wraps = now == most;
    value_ = wraps ? 0 : now + 1;
    return wraps;
  }

  /// The same by `step`, round a circle: true where that leads past `most`, as in `step` of most + 1 calls, evenly spread. It is
  /// decided beside the addition, not behind it.
  bool advance_by(unsigned step) {
#pragma HLS INLINE
    const unsigned now = *this;
    const bool wraps = now >= most + 1 - step;
    value_ = wraps ? now - (most + 1 - step) : now + step;
    return wraps;
  }

 private:
  ap_uint<bits_up_to(most)> value_;
};

}  // namespace resflow
