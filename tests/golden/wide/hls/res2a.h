// res2a: 2x3x4 -> 2x3x6, basic, projection bypass; 216 cycles a frame, set by conv1.
// Generated from the description of network wide, res2a. Edit that, not this.
#pragma once

#include "resflow/formats.h"
#include "resflow/storage.h"

using resflow::Beat;
using resflow::Bipolar;
using resflow::Int;
using resflow::Storage;
using resflow::UInt;

struct Fork {  // 12 beats to both branches
  static constexpr unsigned kBeats = 12, kLanes = 2;
  using Code = Int<4>;
};

struct EntryBypass {  // 2x3x4, int4 -> int2
  static constexpr unsigned kPixels = 6, kIn = 4, kSimd = 2;
  static constexpr unsigned kBlock = 1, kRepeats = 1, kBeside = 1;
  using In = Int<4>; using Out = Int<2>;
};

struct Entry {  // 2x3x4, int4 -> uint3
  static constexpr unsigned kPixels = 6, kIn = 4, kSimd = 2;
  static constexpr unsigned kBlock = 1, kRepeats = 1, kBeside = 1;
  using In = Int<4>; using Out = UInt<3>;
};

struct Conv1 {  // 3x3/1, 2x3x4 -> 2x3x4, fold 36
  static constexpr unsigned kHeight = 2, kWidth = 3, kIn = 4, kOut = 4, kSimd = 2, kPe = 2, kPixels = 1, kTaps = 1;
  static constexpr unsigned kKernelHeight = 3, kKernelWidth = 3, kStrideHeight = 1, kStrideWidth = 1;
  static constexpr unsigned kPadTop = 1, kPadBottom = 1, kPadLeft = 1, kPadRight = 1;
  static constexpr unsigned kDsp = 1, kDspWeights = 2, kDspPixels = 1, kWeightStep = 23, kPixelStep = 0, kChain = 2;
  using In = UInt<3>; using Weight = Int<4>; using Acc = Int<12>; using Out = Int<3>;
  static constexpr auto kRingStorage = Storage::kLutram;  // 24 words of 6 bits
  static constexpr auto kWindowStorage = Storage::kLutram;  // 18 words of 6 bits
};

struct Conv2Dwc {  // 2 -> 4 lanes
  static constexpr unsigned kCodes = 24, kLanesIn = 2, kLanesOut = 4;
  using Code = Int<3>;
};

struct Conv2 {  // 3x3/1, 2x3x4 -> 2x3x6, fold 18
  static constexpr unsigned kHeight = 2, kWidth = 3, kIn = 4, kOut = 6, kSimd = 4, kPe = 3, kPixels = 1, kTaps = 1;
  static constexpr unsigned kKernelHeight = 3, kKernelWidth = 3, kStrideHeight = 1, kStrideWidth = 1;
  static constexpr unsigned kPadTop = 1, kPadBottom = 1, kPadLeft = 1, kPadRight = 1;
  static constexpr unsigned kDsp = 0;
  using In = Int<3>; using Weight = Bipolar; using Acc = Int<9>;
  static constexpr auto kRingStorage = Storage::kLutram;  // 12 words of 12 bits
  static constexpr auto kWindowStorage = Storage::kLutram;  // 9 words of 12 bits
};

struct Conv2ActDwc {  // 3 -> 1 lanes
  static constexpr unsigned kCodes = 36, kLanesIn = 3, kLanesOut = 1;
  using Code = Int<9>;
};

struct BypassDwc {  // 2 -> 4 lanes
  static constexpr unsigned kCodes = 24, kLanesIn = 2, kLanesOut = 4;
  using Code = Int<2>;
};

struct Bypass {  // 1x1/1, 2x3x4 -> 2x3x6, fold 3
  static constexpr unsigned kHeight = 2, kWidth = 3, kIn = 4, kOut = 6, kSimd = 4, kPe = 2, kPixels = 1, kTaps = 1;
  static constexpr unsigned kKernelHeight = 1, kKernelWidth = 1, kStrideHeight = 1, kStrideWidth = 1;
  static constexpr unsigned kPadTop = 0, kPadBottom = 0, kPadLeft = 0, kPadRight = 0;
  static constexpr unsigned kDsp = 0;
  using In = Int<2>; using Weight = Int<4>; using Acc = Int<8>; using Out = Int<4>;
  static constexpr auto kWindowStorage = Storage::kRegisters;  // 1 word of 8 bits
};

struct JoinDwc {  // 2 -> 1 lanes
  static constexpr unsigned kCodes = 36, kLanesIn = 2, kLanesOut = 1;
  using Code = Int<4>;
};

struct Join {  // 36 beats of either branch
  static constexpr unsigned kBeats = 36, kLanes = 1, kRows = 6, kPairs = 1;
  static constexpr unsigned kZero = 0;
  using Main = Int<9>; using Bypass = Int<4>; using Out = Int<15>; using Factor = UInt<6>;
};

struct Joined {  // 2x3x6, int15 -> uint4
  static constexpr unsigned kPixels = 6, kIn = 6, kSimd = 1;
  static constexpr unsigned kBlock = 1, kRepeats = 1, kBeside = 1;
  using In = Int<15>; using Out = UInt<4>;
};

struct OutDwc {  // 1 -> 2 lanes
  static constexpr unsigned kCodes = 36, kLanesIn = 1, kLanesOut = 2;
  using Code = UInt<4>;
};

void resflow_res2a(hls::stream<Beat<2, Int<4>>> &codes_in, hls::stream<Beat<2, UInt<4>>> &codes_out);
