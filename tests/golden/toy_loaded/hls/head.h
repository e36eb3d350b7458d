// head: 3x2x6 -> 3 of 5 labels; 18 cycles a frame, set by pool.
// Generated from the description of network toy, head. Edit that, not this.
#pragma once

#include "resflow/formats.h"
#include "resflow/storage.h"

using resflow::Beat;
using resflow::Bipolar;
using resflow::Int;
using resflow::Storage;
using resflow::UInt;

struct Pool {  // sum over 6 pixels
  static constexpr unsigned kPixels = 6, kIn = 6, kSimd = 2, kZero = 8;
  using In = UInt<4>; using Out = UInt<6>;
  static constexpr auto kSumsStorage = Storage::kRegisters;  // 3 words of 12 bits
};

struct WeightsDwc {  // 6 -> 2 lanes
  static constexpr unsigned kCodes = 30, kLanesIn = 6, kLanesOut = 2;
  using Code = Int<8>;
};

struct Fc {  // 6 -> 5 scores
  static constexpr unsigned kIn = 6, kOut = 5, kSimd = 2, kPe = 1;
  static constexpr unsigned kDsp = 1, kDspWeights = 1, kDspPixels = 1, kWeightStep = 0, kPixelStep = 0, kChain = 2;
  using In = UInt<6>; using Weight = Int<8>; using Acc = Int<32>;
  static constexpr unsigned kBiasRow = 32;
  static constexpr auto kBufferStorage = Storage::kRegisters;  // 3 words of 12 bits
  static constexpr auto kBiasStorage = Storage::kLutram;  // 5 words of 32 bits
};

struct Top {  // 3 of 5
  static constexpr unsigned kClasses = 5, kTop = 3;
  using Score = Int<32>;
};

void resflow_head(hls::stream<Beat<2, UInt<4>>> &codes_in,
                  hls::stream<Beat<6, Int<8>>> &weights,
                  hls::stream<Beat<1, UInt<32>>> &labels,
                  hls::stream<Beat<1, UInt<64>>> &constants_in);
