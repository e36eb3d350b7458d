// What stands outside the image of a sliding window.
#pragma once

#include "formats.h"

namespace resflow {

/// One code, or one for each channel.
template <int... codes>
struct PadCodes {
  static constexpr unsigned kCount = sizeof...(codes);

  /// The beat of a pixel's channels from part*lanes on.
  template <unsigned lanes, class In>
  static Beat<lanes, In> beat(unsigned part) {
#pragma HLS INLINE
    const int code[] = {codes...};
#pragma HLS ARRAY_PARTITION variable=code complete
    Beat<lanes, In> all = 0;
    for (unsigned i = 0; i < lanes; ++i) {
#pragma HLS UNROLL
      set_lane<In>(all, i, code[kCount == 1 ? 0 : part * lanes + i]);
    }
    return all;
  }
};

}  // namespace resflow
