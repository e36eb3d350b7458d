// head: 2x3x6 -> 3 of 5 labels and scores; 18 cycles a frame, set by pool.
// Generated from the description of network wide, head. Edit that, not this.
#pragma once

#include "resflow/formats.h"
#include "resflow/storage.h"

using resflow::Beat;
using resflow::Bipolar;
using resflow::Int;
using resflow::Storage;
using resflow::UInt;

struct Pool {  // max over 6 pixels
  static constexpr unsigned kPixels = 6, kIn = 6, kSimd = 2;
  static constexpr int kZero = -8;
  using In = Int<4>; using Out = UInt<4>;
  static constexpr auto kLargestStorage = Storage::kRegisters;  // 3 words of 8 bits
};

struct Pooled {  // 1x1x6, uint4 -> int3
  static constexpr unsigned kPixels = 1, kIn = 6, kSimd = 2;
  static constexpr unsigned kBlock = 1, kRepeats = 1, kBeside = 1;
  using In = UInt<4>; using Out = Int<3>;
};

struct WeightRom {  // 15 beats of weights a frame
  static constexpr unsigned kTiles = 15, kSimd = 2, kPe = 1;
  using Weight = Int<5>;
};

struct Fc {  // 6 -> 5 scores
  static constexpr unsigned kIn = 6, kOut = 5, kSimd = 2, kPe = 1;
  static constexpr unsigned kDsp = 0;
  using In = Int<3>; using Weight = Int<5>; using Acc = Int<10>;
  static constexpr auto kBufferStorage = Storage::kRegisters;  // 3 words of 6 bits
};

struct Scale {  // 5 scores, int10 -> int40
  static constexpr unsigned kClasses = 5, kLanes = 1;
  using In = Int<10>; using Factor = UInt<6>; using Out = Int<40>;
};

struct Top {  // 3 of 5, with their scores
  static constexpr unsigned kClasses = 5, kTop = 3, kWords = 10;
  using Score = Int<40>;
};

void resflow_head(hls::stream<Beat<2, Int<4>>> &codes_in, hls::stream<Beat<1, UInt<32>>> &labels);
