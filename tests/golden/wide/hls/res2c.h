// res2c: 2x3x6 -> 2x3x6, basic, projection bypass; 324 cycles a frame, set by conv1.
// Generated from the description of network wide, res2c. Edit that, not this.
#pragma once

#include "resflow/formats.h"
#include "resflow/storage.h"

using resflow::Beat;
using resflow::Bipolar;
using resflow::Int;
using resflow::Storage;
using resflow::UInt;

struct Entry {  // 2x3x6, int4 -> uint2
  static constexpr unsigned kPixels = 6, kIn = 6, kSimd = 2;
  static constexpr unsigned kBlock = 1, kRepeats = 1, kBeside = 1;
  using In = Int<4>; using Out = UInt<2>;
};

struct Fork {  // 18 beats to both branches
  static constexpr unsigned kBeats = 18, kLanes = 2;
  using Code = UInt<2>;
};

struct Conv1 {  // 3x3/1, 2x3x6 -> 2x3x6, fold 54
  static constexpr unsigned kHeight = 2, kWidth = 3, kIn = 6, kOut = 6, kSimd = 2, kPe = 3, kPixels = 1, kTaps = 1;
  static constexpr unsigned kKernelHeight = 3, kKernelWidth = 3, kStrideHeight = 1, kStrideWidth = 1;
  static constexpr unsigned kPadTop = 1, kPadBottom = 1, kPadLeft = 1, kPadRight = 1;
  static constexpr unsigned kDsp = 1, kDspWeights = 3, kDspPixels = 1, kWeightStep = 11, kPixelStep = 0, kChain = 2;
  using In = UInt<2>; using Weight = Int<4>; using Acc = Int<12>; using Out = UInt<3>;
  static constexpr auto kRingStorage = Storage::kLutram;  // 36 words of 4 bits
  static constexpr auto kWindowStorage = Storage::kLutram;  // 27 words of 4 bits
};

struct Conv2 {  // 1x1/1, 2x3x6 -> 2x3x6, fold 6
  static constexpr unsigned kHeight = 2, kWidth = 3, kIn = 6, kOut = 6, kSimd = 3, kPe = 2, kPixels = 1, kTaps = 1;
  static constexpr unsigned kKernelHeight = 1, kKernelWidth = 1, kStrideHeight = 1, kStrideWidth = 1;
  static constexpr unsigned kPadTop = 0, kPadBottom = 0, kPadLeft = 0, kPadRight = 0;
  static constexpr unsigned kDsp = 0;
  using In = UInt<3>; using Weight = Int<4>; using Acc = Int<10>;
  static constexpr auto kWindowStorage = Storage::kRegisters;  // 2 words of 9 bits
};

struct Conv2ActDwc {  // 2 -> 1 lanes
  static constexpr unsigned kCodes = 36, kLanesIn = 2, kLanesOut = 1;
  using Code = Int<10>;
};

struct Bypass {  // 1x1/1, 2x3x6 -> 2x3x6, fold 6
  static constexpr unsigned kHeight = 2, kWidth = 3, kIn = 6, kOut = 6, kSimd = 2, kPe = 3, kPixels = 1, kTaps = 1;
  static constexpr unsigned kKernelHeight = 1, kKernelWidth = 1, kStrideHeight = 1, kStrideWidth = 1;
  static constexpr unsigned kPadTop = 0, kPadBottom = 0, kPadLeft = 0, kPadRight = 0;
  static constexpr unsigned kDsp = 1, kDspWeights = 3, kDspPixels = 1, kWeightStep = 11, kPixelStep = 0, kChain = 2;
  using In = UInt<2>; using Weight = Int<4>; using Acc = Int<9>;
  static constexpr auto kWindowStorage = Storage::kRegisters;  // 3 words of 4 bits
};

struct BypassActDwc {  // 3 -> 1 lanes
  static constexpr unsigned kCodes = 36, kLanesIn = 3, kLanesOut = 1;
  using Code = Int<9>;
};

struct Join {  // 36 beats of either branch
  static constexpr unsigned kBeats = 36, kLanes = 1;
  static constexpr unsigned kZero = 0;
  using Main = Int<10>; using Bypass = Int<9>; using Out = Int<10>;
};

struct Joined {  // 2x3x6, int10 -> int4
  static constexpr unsigned kPixels = 6, kIn = 6, kSimd = 1;
  static constexpr unsigned kBlock = 1, kRepeats = 1, kBeside = 1;
  using In = Int<10>; using Out = Int<4>;
};

struct OutDwc {  // 1 -> 2 lanes
  static constexpr unsigned kCodes = 36, kLanesIn = 1, kLanesOut = 2;
  using Code = Int<4>;
};

void resflow_res2c(hls::stream<Beat<2, Int<4>>> &codes_in, hls::stream<Beat<2, Int<4>>> &codes_out);
