// dma: 5x6x3 images in, 10 words of labels and scores out; 30 cycles a frame, set by image.
// Generated from the description of network wide, dma. Edit that, not this.
#pragma once

#include "resflow/formats.h"

using resflow::Beat;
using resflow::Bipolar;
using resflow::Int;
using resflow::UInt;
using resflow::Word;

struct Image {  // 30 beats from words of 512 bits, a frame
  static constexpr unsigned kWords = 2, kBeats = 30, kLanes = 3, kRepeats = 0;
  using Code = UInt<8>;
};

struct Labels {  // 10 words of labels and scores a frame
  static constexpr unsigned kTop = 10;
};

void resflow_dma(const Word *image_memory,
                 ap_uint<32> *labels_memory,
                 unsigned frames,
                 hls::stream<Beat<3, UInt<8>>> &image,
                 hls::stream<Beat<1, UInt<32>>> &labels);
