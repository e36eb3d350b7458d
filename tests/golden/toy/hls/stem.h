// stem: 6x5x3 -> 3x2x4; 540 cycles a frame, set by conv.
// Generated from the description of network toy, stem. Edit that, not this.
#pragma once

#include "resflow/formats.h"
#include "resflow/storage.h"

using resflow::Beat;
using resflow::Bipolar;
using resflow::Int;
using resflow::Storage;
using resflow::UInt;

struct Conv {  // 3x3/1, 6x5x3 -> 6x5x4, fold 18
  static constexpr unsigned kHeight = 6, kWidth = 5, kIn = 3, kOut = 4, kSimd = 3, kPe = 2, kPixels = 1, kTaps = 1;
  static constexpr unsigned kKernelHeight = 3, kKernelWidth = 3, kStrideHeight = 1, kStrideWidth = 1;
  static constexpr unsigned kPadTop = 1, kPadBottom = 1, kPadLeft = 1, kPadRight = 1;
  static constexpr unsigned kDsp = 1, kDspWeights = 2, kDspPixels = 1, kWeightStep = 19, kPixelStep = 0, kChain = 3;
  using In = UInt<8>; using Weight = Int<8>; using Acc = Int<21>; using Out = UInt<2>;
  static constexpr auto kRingStorage = Storage::kLutram;  // 20 words of 24 bits
  static constexpr auto kWindowStorage = Storage::kLutram;  // 9 words of 24 bits
};

struct Pool {  // max 3x3/2, 6x5x4 -> 3x2x4
  static constexpr unsigned kHeight = 6, kWidth = 5, kIn = 4, kSimd = 2, kPixels = 1, kTaps = 1;
  static constexpr unsigned kKernelHeight = 3, kKernelWidth = 3, kStrideHeight = 2, kStrideWidth = 2;
  static constexpr unsigned kPadTop = 0, kPadBottom = 1, kPadLeft = 0, kPadRight = 1;
  using In = UInt<2>;
  static constexpr auto kRingStorage = Storage::kLutram;  // 50 words of 4 bits
  static constexpr auto kLargestStorage = Storage::kRegisters;  // 2 words of 4 bits
};

struct OutDwc {  // 2 -> 4 lanes
  static constexpr unsigned kCodes = 24, kLanesIn = 2, kLanesOut = 4;
  using Code = UInt<2>;
};

void resflow_stem(hls::stream<Beat<3, UInt<8>>> &image, hls::stream<Beat<4, UInt<2>>> &codes_out);
