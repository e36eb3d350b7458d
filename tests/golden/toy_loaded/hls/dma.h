// dma: 6x5x3 images in, 3 labels out; 30 cycles a frame, set by image.
// Generated from the description of network toy, dma. Edit that, not this.
#pragma once

#include "resflow/formats.h"

using resflow::Beat;
using resflow::Bipolar;
using resflow::Int;
using resflow::UInt;
using resflow::Word;

struct Constants {  // 157 words of 64 bits in a load
  static constexpr unsigned kWords = 157, kMatrixWords = 1;
  static constexpr unsigned kFingerprint0 = 4288993011, kFingerprint1 = 710448708, kFingerprint2 = 2317328596, kFingerprint3 = 1019237159;
};

struct Image {  // 30 beats from words of 512 bits, a frame
  static constexpr unsigned kWords = 2, kBeats = 30, kLanes = 3, kRepeats = 0;
  using Code = UInt<8>;
};

struct Weights {  // 5 beats from words of 512 bits, the same for every frame
  static constexpr unsigned kWords = 1, kBeats = 5, kLanes = 6, kRepeats = 1;
  using Code = Int<8>;
};

struct Labels {  // 3 labels a frame
  static constexpr unsigned kTop = 3;
};

void resflow_dma(const Word *image_memory,
                 ap_uint<32> *labels_memory,
                 const Word *constants_memory,
                 unsigned frames,
                 hls::stream<Beat<1, UInt<64>>> &constants,
                 hls::stream<Beat<3, UInt<8>>> &image,
                 hls::stream<Beat<6, Int<8>>> &weights,
                 hls::stream<Beat<1, UInt<32>>> &labels);
