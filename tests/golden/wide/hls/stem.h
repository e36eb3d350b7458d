// stem: 5x6x3 -> 2x3x4; 540 cycles a frame, set by conv.
// Generated from the description of network wide, stem. Edit that, not this.
#pragma once

#include "resflow/formats.h"
#include "resflow/storage.h"

using resflow::Beat;
using resflow::Bipolar;
using resflow::Int;
using resflow::Storage;
using resflow::UInt;

struct Entry {  // 5x6x3, uint8 -> int5
  static constexpr unsigned kPixels = 30, kIn = 3, kSimd = 3;
  static constexpr unsigned kBlock = 1, kRepeats = 1, kBeside = 1;
  using In = UInt<8>; using Out = Int<5>;
};

struct Conv {  // 3x3/1, 5x6x3 -> 5x6x4, fold 18
  static constexpr unsigned kHeight = 5, kWidth = 6, kIn = 3, kOut = 4, kSimd = 3, kPe = 2, kPixels = 1, kTaps = 1;
  static constexpr unsigned kKernelHeight = 3, kKernelWidth = 3, kStrideHeight = 1, kStrideWidth = 1;
  static constexpr unsigned kPadTop = 1, kPadBottom = 1, kPadLeft = 1, kPadRight = 1;
  static constexpr unsigned kDsp = 1, kDspWeights = 2, kDspPixels = 1, kWeightStep = 19, kPixelStep = 0, kChain = 3;
  using In = Int<5>; using Weight = Int<8>; using Acc = Int<17>; using Out = Int<4>;
  static constexpr auto kRingStorage = Storage::kLutram;  // 24 words of 15 bits
  static constexpr auto kWindowStorage = Storage::kLutram;  // 9 words of 15 bits
};

struct Pool {  // max 3x3/2, 5x6x4 -> 2x3x4
  static constexpr unsigned kHeight = 5, kWidth = 6, kIn = 4, kSimd = 2, kPixels = 1, kTaps = 1;
  static constexpr unsigned kKernelHeight = 3, kKernelWidth = 3, kStrideHeight = 2, kStrideWidth = 2;
  static constexpr unsigned kPadTop = 0, kPadBottom = 1, kPadLeft = 0, kPadRight = 1;
  using In = Int<4>;
  static constexpr auto kRingStorage = Storage::kLutram;  // 60 words of 8 bits
  static constexpr auto kLargestStorage = Storage::kRegisters;  // 2 words of 8 bits
};

void resflow_stem(hls::stream<Beat<3, UInt<8>>> &image, hls::stream<Beat<2, Int<4>>> &codes_out);
