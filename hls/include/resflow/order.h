// In what order values arrive at an activation, and so which constants each beat meets.
//
// A beat has kSimd channels of kBeside pixels, one pixel behind the other; for every kSimd channels there is a row of constants. Values
// come pixel by pixel, or as a product with several pixels gives them: of each of kRepeats pixels kBlock beats, then of each the next
// kBlock beats, until the kPixels groups of pixels that a frame has are through.
//
// Misuse: values in another order meet the constants of other channels, without a sign.
#pragma once

#include "counter.h"
#include "formats.h"

namespace resflow {

template <class Layer>
struct Order {
  static_assert(Layer::kIn % (Layer::kSimd * Layer::kBlock) == 0, "every pixel has the same blocks: choose a kBlock that divides the rows");
  static constexpr unsigned kLanes = Layer::kBeside * Layer::kSimd;
  static constexpr unsigned kRows = Layer::kIn / Layer::kSimd;
  static constexpr unsigned kBeats = Layer::kPixels * Layer::kRepeats * kRows;  // of a frame
};

/// The row of constants that the beat at hand meets.
template <class Layer>
class RowOfBeat {
 public:
  operator unsigned() const { return row_; }

  /// To that of the next beat: the next one, or the block again for another pixel.
  void advance() {
#pragma HLS INLINE
    const bool ends = beat_.advance();
    if (ends && !repeat_.advance()) {
      row_ = row_ - (Layer::kBlock - 1);
    } else {
      row_.advance();
    }
  }

 private:
  Counter<Order<Layer>::kRows - 1> row_ = 0;
  Counter<Layer::kBlock - 1> beat_ = 0;
  Counter<Layer::kRepeats - 1> repeat_ = 0;
};

}  // namespace resflow
