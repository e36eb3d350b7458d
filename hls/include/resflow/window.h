// What follows from the window of a convolution or a pool: output size, taps, and the schedule of its sliding window.
//
// Misuse: folds that do not divide, padding as large as the kernel and groups of pixels that cross rows are refused by static_assert.
// A kernel larger than the padded image is not: the unsigned output size wraps. network.operations.Window.check refuses it before.
#pragma once

namespace resflow {

constexpr unsigned larger(unsigned a, unsigned b) { return a > b ? a : b; }
constexpr unsigned smaller(unsigned a, unsigned b) { return a < b ? a : b; }

template <class Layer>
struct Window {
  static_assert(Layer::kIn % Layer::kSimd == 0, "every beat carries the same number of channels: kSimd must divide kIn");
  static_assert(Layer::kPadTop < Layer::kKernelHeight && Layer::kPadLeft < Layer::kKernelWidth,
                "a window must see the image: pad with less than the kernel");

  static constexpr unsigned kOutHeight =
      (Layer::kHeight + Layer::kPadTop + Layer::kPadBottom - Layer::kKernelHeight) / Layer::kStrideHeight + 1;
  static constexpr unsigned kOutWidth =
      (Layer::kWidth + Layer::kPadLeft + Layer::kPadRight - Layer::kKernelWidth) / Layer::kStrideWidth + 1;
  static constexpr unsigned kGroups = kOutHeight * kOutWidth / Layer::kPixels;      // of pixels computed at once, per frame
  static constexpr unsigned kKernelTaps = Layer::kKernelHeight * Layer::kKernelWidth;  // pixels under the kernel
  static constexpr unsigned kPixelBeats = Layer::kIn / Layer::kSimd;                // per pixel
  static constexpr unsigned kBeats = kKernelTaps / Layer::kTaps * kPixelBeats;      // per window

  static_assert(Layer::kTaps == 1 || Layer::kTaps == Layer::kKernelWidth || Layer::kTaps == kKernelTaps,
                "a beat has one tap of the kernel, a row of them, or all");
  static_assert(kOutWidth % Layer::kPixels == 0, "a group of pixels lies in one row: kPixels must divide the output width");

  // Sliding window: rows that come in before the first window goes out, then one phase per output row.
  static constexpr unsigned kRowBeats = Layer::kWidth * kPixelBeats;
  static constexpr unsigned kFill = smaller(Layer::kKernelHeight - Layer::kPadTop, Layer::kHeight) * kRowBeats;
  static constexpr unsigned kReads = Layer::kStrideHeight * kRowBeats;              // per phase
  static constexpr unsigned kWrites = kOutWidth / Layer::kPixels * kBeats;          // per phase
  static constexpr unsigned kSettle = kRowBeats == 1;                               // a lone beat reaches its RAM before it is read
  static constexpr unsigned kPhase = larger(kReads + kSettle, kWrites);

  // A beat's place in the ring is written and read at least so many steps apart, whichever comes first. The last row of a window comes
  // in last and is read when all rows above it have been, at least kKernelWidth pixels each; the row above came in a row of beats
  // earlier. An image that ends above the first window's last row leaves that time out.
  static constexpr unsigned kApart =
      Layer::kHeight < Layer::kKernelHeight - Layer::kPadTop
          ? 1
          : 1 + (Layer::kKernelHeight - 1) * smaller(kRowBeats, Layer::kKernelWidth * kPixelBeats);
};

}  // namespace resflow
