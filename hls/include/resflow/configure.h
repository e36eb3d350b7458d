// Constants from card memory: an image of them is read, checked, and sent through the chain of the units that hold them, see loaded.h.
//
// A call for 0 frames is a load. The image is one word of 512 bits, its header, and behind it the words of 64 bits that the chain takes, as
// many as fill words of 512. It is read twice: the first time only to compare its checksum, so that a damaged image changes nothing; the
// second time it goes into the chain, and is checked once more, for memory may have changed. A call for frames sends their tokens, if there
// are constants. What became of a call is its answer, for the units that move its frames: 0, which lets them; or else the word that memory
// gets in place of results, one for a load and all of those of frames that are refused.
//
// Reading and checking are two processes, so that bursts go on while the checksum is computed, of 64 bits a cycle.
//
// Misuse: a host that writes into an image while it is loaded, or a buffer shorter than its header says. The first is found, but not
// before constants are lost; words behind a buffer are read.
#pragma once

#include "crc.h"
#include "formats.h"
#include "loaded.h"
#include "simulation.h"

namespace resflow {

using Answer = Beat<1, UInt<32>>;

constexpr unsigned kRun = 0;                     // the call's frames, with the constants that are there
constexpr unsigned kLoaded = 1;
constexpr unsigned kNoImage = 2;                 // what there is does not begin like one, or is of another version
constexpr unsigned kAnotherNetwork = 3;
constexpr unsigned kAnotherLength = 4;
constexpr unsigned kDamaged = 5;                 // the checksum differs; the constants are those of before
constexpr unsigned kLost = 6;                    // it differs when the image is read again: there are no constants until a load is good
constexpr unsigned kNothingLoaded = 0xffffffff;  // frames are refused

template <class Layer>
struct Fetch;
template <class Layer>
struct Configure;

/// Words of 512 bits behind the header of an image.
template <class Layer>
constexpr unsigned payload_words() {
  return (Layer::kWords + 7) / 8;
}

/// kLoaded, if the header is that of an image of this network's constants.
///   bits   0 ...  63  "RESFLOWC"
///         64 ...  95  version: 1
///         96 ... 127  checksum of all words behind the header
///        128 ... 191  kWords
///        192 ... 319  kFingerprint0 ... kFingerprint3
///        320 ... 511  0
template <class Layer>
Answer answer_to(const Word &header) {
#pragma HLS INLINE
  const ap_uint<32> fingerprint[4] = {Layer::kFingerprint0, Layer::kFingerprint1, Layer::kFingerprint2, Layer::kFingerprint3};
#pragma HLS ARRAY_PARTITION variable=fingerprint complete
  if (header.range(63, 0) != 0x43574f4c46534552ull || header.range(95, 64) != 1 || header.range(511, 320) != 0) return kNoImage;
  for (unsigned i = 0; i < 4; ++i) {
#pragma HLS UNROLL
    if (header.range(192 + 32 * i + 31, 192 + 32 * i) != fingerprint[i]) return kAnotherNetwork;
  }
  if (header.range(191, 128) != Layer::kWords) return kAnotherLength;
  return kLoaded;
}

template <class Layer>
void fetch_image(const Word *memory, hls::stream<Word> &image) {
#pragma HLS INLINE
  const Word header = memory[0];
  image.write(header);
  if (answer_to<Layer>(header) == kLoaded) {
  Fetch_Passes:
    for (unsigned pass = 0; pass < 2; ++pass) {
    Fetch_Image:
      for (unsigned word = 0; word < payload_words<Layer>(); ++word) {
#pragma HLS PIPELINE II=1 style=flp
        image.write(memory[1 + word]);
      }
    }
  }
}

/// The image for a load, in bursts. One process, II=1.
///   image    Word  the header, and what is behind it twice if the header is right
///   cycles   of a frame none
///   misuse   see above
template <class Layer>
void fetch(const Word *memory, unsigned frames, hls::stream<Word> &image) {
  if (frames == 0) fetch_image<Layer>(memory, image);
}

/// The same where the classifier's weights are not constants: they lie at the pointer in calls for frames, and are sent with each of them.
///   weights  Word  kMatrixWords a frame
///   cycles   kMatrixWords a frame; also of frames that are refused, since here nobody knows: unpack drops the words
template <class Layer>
void fetch(const Word *memory, unsigned frames, hls::stream<Word> &weights, hls::stream<Word> &image) {
  if (frames == 0) fetch_image<Layer>(memory, image);
Fetch_Frames:
  for (unsigned frame = 0; frame < frames; ++frame) {
  Fetch_Weights:
    for (unsigned word = 0; word < Layer::kMatrixWords; ++word) {
#pragma HLS PIPELINE II=1 style=flp
      fire<Fetch<Layer>>();
      weights.write(memory[word]);
    }
  }
}

inline void tell(const Answer &) {
#pragma HLS INLINE
}

template <class... Others>
void tell(const Answer &answer, hls::stream<Answer> &first, Others &...others) {
#pragma HLS INLINE
  first.write(answer);
  tell(answer, others...);
}

/// Checks an image and sends it, or sends tokens. One process, II=1.
///   image      Word    see fetch
///   constants  Part    the chain: a load of kWords words, or a token for each frame
///   answers    Answer  one a call, the same to all
///   cycles     one a frame; a load takes two for each part of the image, the passes
///   storage    a word; whether there are constants
template <class Layer, class... Answers>
void configure(hls::stream<Word> &image, unsigned frames, hls::stream<Part> &constants, Answers &...answers) {
  static bool is_loaded = false;
  Answer answer = is_loaded ? kRun : kNothingLoaded;
  if (frames == 0) {
    const Word header = image.read();
    answer = answer_to<Layer>(header);
    const bool is_image = answer == kLoaded;
  Configure_Passes:
    for (unsigned pass = 0; is_image && pass < 2; ++pass) {
      const bool sends = pass == 1 && answer == kLoaded;
      if (sends) constants.write(Layer::kWords);
      ap_uint<32> crc = kCrcFirst;
      Word word = 0;
    Configure_Parts:
      for (unsigned part = 0; part < 8 * payload_words<Layer>(); ++part) {
#pragma HLS PIPELINE II=1 style=frp
        word = part % 8 == 0 ? image.read() : Word(word >> 64);
        const Part lowest = word.range(63, 0);
        crc = next_crc(crc, lowest);
        if (sends && part < Layer::kWords) constants.write(lowest);
      }
      if ((crc ^ kCrcFirst) != header.range(127, 96) && answer == kLoaded) answer = sends ? kLost : kDamaged;
    }
    if (answer == kLoaded) is_loaded = true;
    if (answer == kLost) is_loaded = false;
  }
  tell(answer, answers...);
Configure_Tokens:
  for (unsigned frame = 0; answer == kRun && frame < frames; ++frame) {
#pragma HLS PIPELINE II=1 style=frp
    fire<Configure<Layer>>();
    constants.write(0);
  }
}

}  // namespace resflow
