// res2a: 3x2x4 -> 3x2x6, basic, projection bypass; 216 cycles a frame, set by conv1.
// Generated from the description of network toy, res2a. Edit that, not this.
#pragma once

#include "resflow/formats.h"
#include "resflow/storage.h"

using resflow::Beat;
using resflow::Bipolar;
using resflow::Int;
using resflow::Storage;
using resflow::UInt;

struct EntryDwc {  // 4 -> 2 lanes
  static constexpr unsigned kCodes = 24, kLanesIn = 4, kLanesOut = 2;
  using Code = UInt<2>;
};

struct Fork {  // 12 beats to both branches
  static constexpr unsigned kBeats = 12, kLanes = 2;
  using Code = UInt<2>;
};

struct Conv1 {  // 3x3/1, 3x2x4 -> 3x2x4, fold 36
  static constexpr unsigned kHeight = 3, kWidth = 2, kIn = 4, kOut = 4, kSimd = 2, kPe = 2, kPixels = 1, kTaps = 1;
  static constexpr unsigned kKernelHeight = 3, kKernelWidth = 3, kStrideHeight = 1, kStrideWidth = 1;
  static constexpr unsigned kPadTop = 1, kPadBottom = 1, kPadLeft = 1, kPadRight = 1;
  static constexpr unsigned kDsp = 0;
  using In = UInt<2>; using Weight = Bipolar; using Acc = Int<16>; using Out = UInt<2>;
  static constexpr auto kRingStorage = Storage::kLutram;  // 16 words of 4 bits
  static constexpr auto kWindowStorage = Storage::kLutram;  // 18 words of 4 bits
};

struct Conv2Dwc {  // 2 -> 4 lanes
  static constexpr unsigned kCodes = 24, kLanesIn = 2, kLanesOut = 4;
  using Code = UInt<2>;
};

struct Conv2 {  // 3x3/1, 3x2x4 -> 3x2x6, fold 18
  static constexpr unsigned kHeight = 3, kWidth = 2, kIn = 4, kOut = 6, kSimd = 4, kPe = 3, kPixels = 1, kTaps = 1;
  static constexpr unsigned kKernelHeight = 3, kKernelWidth = 3, kStrideHeight = 1, kStrideWidth = 1;
  static constexpr unsigned kPadTop = 1, kPadBottom = 1, kPadLeft = 1, kPadRight = 1;
  static constexpr unsigned kDsp = 0;
  using In = UInt<2>; using Weight = Bipolar; using Acc = Int<8>;
  static constexpr unsigned kWeightsRow = 12;
  static constexpr auto kRingStorage = Storage::kLutram;  // 8 words of 8 bits
  static constexpr auto kWindowStorage = Storage::kLutram;  // 9 words of 8 bits
  static constexpr auto kWeightsStorage = Storage::kLutram;  // 18 words of 12 bits
};

struct Conv2ActDwc {  // 3 -> 1 lanes
  static constexpr unsigned kCodes = 36, kLanesIn = 3, kLanesOut = 1;
  using Code = Int<8>;
};

struct Conv2Act {  // 3x2x6, int8 -> uint4
  static constexpr unsigned kPixels = 6, kIn = 6, kSimd = 1;
  static constexpr unsigned kBlock = 3, kRepeats = 1, kBeside = 1;
  using In = Int<8>; using Out = UInt<4>;
  static constexpr unsigned kLevel0Row = 8;
  static constexpr unsigned kLevel1Row = 8;
  static constexpr unsigned kLevel2Row = 8;
  static constexpr unsigned kLevel3Row = 8;
  static constexpr auto kLevel0Storage = Storage::kLutram;  // 6 words of 8 bits
  static constexpr auto kLevel1Storage = Storage::kLutram;  // 12 words of 8 bits
  static constexpr auto kLevel2Storage = Storage::kLutram;  // 24 words of 8 bits
  static constexpr auto kLevel3Storage = Storage::kLutram;  // 48 words of 8 bits
};

struct BypassDwc {  // 2 -> 4 lanes
  static constexpr unsigned kCodes = 24, kLanesIn = 2, kLanesOut = 4;
  using Code = UInt<2>;
};

struct Bypass {  // 1x1/1, 3x2x4 -> 3x2x6, fold 3
  static constexpr unsigned kHeight = 3, kWidth = 2, kIn = 4, kOut = 6, kSimd = 4, kPe = 2, kPixels = 1, kTaps = 1;
  static constexpr unsigned kKernelHeight = 1, kKernelWidth = 1, kStrideHeight = 1, kStrideWidth = 1;
  static constexpr unsigned kPadTop = 0, kPadBottom = 0, kPadLeft = 0, kPadRight = 0;
  static constexpr unsigned kDsp = 0;
  using In = UInt<2>; using Weight = Bipolar; using Acc = Int<16>; using Out = UInt<4>;
  static constexpr unsigned kWeightsRow = 8;
  static constexpr unsigned kThresholdsRow = 150;
  static constexpr auto kWindowStorage = Storage::kRegisters;  // 1 word of 8 bits
  static constexpr auto kWeightsStorage = Storage::kUram;  // 3 words of 8 bits
  static constexpr auto kThresholdsStorage = Storage::kRegisters;  // 3 words of 150 bits
};

struct JoinDwc {  // 2 -> 1 lanes
  static constexpr unsigned kCodes = 36, kLanesIn = 2, kLanesOut = 1;
  using Code = UInt<4>;
};

struct Join {  // 36 beats of either branch
  static constexpr unsigned kBeats = 36, kLanes = 1, kZero = 8;
  using Code = UInt<4>;
};

struct OutDwc {  // 1 -> 2 lanes
  static constexpr unsigned kCodes = 36, kLanesIn = 1, kLanesOut = 2;
  using Code = UInt<4>;
};

void resflow_res2a(hls::stream<Beat<4, UInt<2>>> &codes_in,
                   hls::stream<Beat<2, UInt<4>>> &codes_out,
                   hls::stream<Beat<1, UInt<64>>> &constants_in,
                   hls::stream<Beat<1, UInt<64>>> &constants_out);
