// res2b: 3x2x6 -> 3x2x6, bottleneck, identity bypass; 216 cycles a frame, set by conv2.
// Generated from the description of network toy, res2b. Edit that, not this.
#pragma once

#include "resflow/formats.h"
#include "resflow/storage.h"

using resflow::Beat;
using resflow::Bipolar;
using resflow::Int;
using resflow::Storage;
using resflow::UInt;

struct EntryDwc {  // 6 -> 3 lanes
  static constexpr unsigned kCodes = 36, kLanesIn = 6, kLanesOut = 3;
  using Code = UInt<4>;
};

struct Fork {  // 12 beats to both branches
  static constexpr unsigned kBeats = 12, kLanes = 3;
  using Code = UInt<4>;
};

struct Entry {  // 3x2x6, uint4 -> uint2
  static constexpr unsigned kPixels = 6, kIn = 6, kSimd = 3;
  static constexpr unsigned kBlock = 1, kRepeats = 1, kBeside = 1;
  using In = UInt<4>; using Out = UInt<2>;
};

struct Conv1 {  // 1x1/1, 3x2x6 -> 3x2x4, fold 2
  static constexpr unsigned kHeight = 3, kWidth = 2, kIn = 6, kOut = 4, kSimd = 3, kPe = 4, kPixels = 1, kTaps = 1;
  static constexpr unsigned kKernelHeight = 1, kKernelWidth = 1, kStrideHeight = 1, kStrideWidth = 1;
  static constexpr unsigned kPadTop = 0, kPadBottom = 0, kPadLeft = 0, kPadRight = 0;
  static constexpr unsigned kDsp = 0;
  using In = UInt<2>; using Weight = Bipolar; using Acc = Int<16>; using Out = UInt<2>;
  static constexpr auto kWindowStorage = Storage::kRegisters;  // nothing is kept
};

struct Conv2Dwc {  // 4 -> 2 lanes
  static constexpr unsigned kCodes = 24, kLanesIn = 4, kLanesOut = 2;
  using Code = UInt<2>;
};

struct Conv2 {  // 3x3/1, 3x2x4 -> 3x2x4, fold 36
  static constexpr unsigned kHeight = 3, kWidth = 2, kIn = 4, kOut = 4, kSimd = 2, kPe = 2, kPixels = 1, kTaps = 1;
  static constexpr unsigned kKernelHeight = 3, kKernelWidth = 3, kStrideHeight = 1, kStrideWidth = 1;
  static constexpr unsigned kPadTop = 1, kPadBottom = 1, kPadLeft = 1, kPadRight = 1;
  static constexpr unsigned kDsp = 0;
  using In = UInt<2>; using Weight = Bipolar; using Acc = Int<16>; using Out = UInt<2>;
  static constexpr auto kRingStorage = Storage::kLutram;  // 16 words of 4 bits
  static constexpr auto kWindowStorage = Storage::kLutram;  // 18 words of 4 bits
};

struct Conv3Dwc {  // 2 -> 4 lanes
  static constexpr unsigned kCodes = 24, kLanesIn = 2, kLanesOut = 4;
  using Code = UInt<2>;
};

struct Conv3 {  // 1x1/1, 3x2x4 -> 3x2x6, fold 3
  static constexpr unsigned kHeight = 3, kWidth = 2, kIn = 4, kOut = 6, kSimd = 4, kPe = 2, kPixels = 1, kTaps = 1;
  static constexpr unsigned kKernelHeight = 1, kKernelWidth = 1, kStrideHeight = 1, kStrideWidth = 1;
  static constexpr unsigned kPadTop = 0, kPadBottom = 0, kPadLeft = 0, kPadRight = 0;
  static constexpr unsigned kDsp = 0;
  using In = UInt<2>; using Weight = Int<3>; using Acc = Int<7>;
  static constexpr auto kWindowStorage = Storage::kRegisters;  // 1 word of 8 bits
};

struct Conv3Act {  // 3x2x6, int7 -> uint4
  static constexpr unsigned kPixels = 6, kIn = 6, kSimd = 2;
  static constexpr unsigned kBlock = 1, kRepeats = 1, kBeside = 1;
  using In = Int<7>; using Out = UInt<4>;
};

struct JoinCommonDwc {  // 3 -> 6 lanes
  static constexpr unsigned kCodes = 36, kLanesIn = 3, kLanesOut = 6;
  using Code = UInt<4>;
};

struct JoinDwc {  // 6 -> 2 lanes
  static constexpr unsigned kCodes = 36, kLanesIn = 6, kLanesOut = 2;
  using Code = UInt<4>;
};

struct Join {  // 18 beats of either branch
  static constexpr unsigned kBeats = 18, kLanes = 2, kZero = 8;
  using Code = UInt<4>;
};

void resflow_res2b(hls::stream<Beat<6, UInt<4>>> &codes_in, hls::stream<Beat<2, UInt<4>>> &codes_out);
