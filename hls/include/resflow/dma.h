// Between card memory and streams. Memory holds frames one after the other, each padded to whole 512-bit words.
#pragma once

#include "counter.h"
#include "formats.h"
#include "simulation.h"

namespace resflow {

template <class Layer>
struct Load;
template <class Layer>
struct Unpack;
template <class Layer>
struct Store;

constexpr unsigned common_divisor(unsigned a, unsigned b) { return b == 0 ? a : common_divisor(b, a % b); }

/// Words from memory, in bursts of a frame. One process, II=1.
///   memory  kWords words a frame; the same ones for every frame where kRepeats says so
///   cycles  kWords a frame
///   misuse  more frames than memory holds are read from beyond the buffer; fewer than the other units' `frames` starve them
template <class Layer>
void load(const Word *memory, unsigned frames, hls::stream<Word> &out) {
  unsigned long long first = 0;  // of the frame; 32 bits would not count the words of a long batch
Load_Frames:
  for (unsigned frame = 0; frame < frames; ++frame) {
  Load_Words:
    for (unsigned word = 0; word < Layer::kWords; ++word) {
#pragma HLS PIPELINE II=1 style=flp
      fire<Load<Layer>>();
      out.write(memory[first + word]);
    }
    if (!Layer::kRepeats) first += Layer::kWords;
  }
}

/// Words cut into beats; what pads the last word of a frame is dropped. One process, II=1.
///   in       Word                  kWords a frame
///   out      Beat<kLanes, Code>    kBeats a frame, at most a word wide
///   cycles   kBeats a frame
///   storage  a word and a beat
///   misuse   kWords that are not the words of kBeats beats shift every frame after the first, or leave words over; a beat wider
///            than a word is refused by static_assert
/// Beats lie in words in a fixed pattern: after so many words a beat begins with a word again. Where in the buffer a word goes is
/// known for each word of the pattern, so the choice is among those few places, and where words hold whole beats there is only one.
template <class Layer>
void unpack(hls::stream<Word> &in, unsigned frames, hls::stream<Beat<Layer::kLanes, typename Layer::Code>> &out) {
  constexpr unsigned kBeatBits = Layer::kLanes * Layer::Code::kBits;
  constexpr unsigned kPattern = kBeatBits / common_divisor(512, kBeatBits);  // words
  static_assert(kBeatBits <= 512, "one word must fill one beat, for one read a cycle to keep up");
  using Buffer = ap_uint<512 + kBeatBits>;
Unpack_Frames:
  for (unsigned frame = 0; frame < frames; ++frame) {
    Buffer buffer = 0;
    Counter<(512 + kBeatBits) / kBeatBits> whole = 0;  // beats in the buffer
    Counter<kPattern - 1> place = 0;                   // of the next word in the pattern
  Unpack_Beats:
    for (unsigned beat = 0; beat < Layer::kBeats; ++beat) {
#pragma HLS PIPELINE II=1 style=frp
      // Invariant: below a new word lies what is left of the one before, 512*place mod kBeatBits bits.
      fire<Unpack<Layer>>();
      if (whole == 0) {
        const Buffer word = in.read();
        for (unsigned w = 0; w < kPattern; ++w) {
#pragma HLS UNROLL
          const unsigned rest = 512 * w % kBeatBits;  // a constant, once unrolled, as is the number of beats
          if (place == w) {
            buffer |= word << rest;
            whole = (512 + rest) / kBeatBits;
          }
        }
        place.advance();
      }
      out.write(ap_uint<kBeatBits>(buffer));
      buffer >>= kBeatBits;
      whole = whole - 1;
    }
  }
}

/// Labels to memory. One process, II=1.
///   cycles  kTop a frame
///   misuse  fewer than frames*kTop labels and the kernel never ends; memory for fewer is written beyond its end
template <class Layer>
void store(hls::stream<Beat<1, UInt<32>>> &in, unsigned frames, ap_uint<32> *memory) {
  unsigned long long first = 0;  // of the frame
Store_Frames:
  for (unsigned frame = 0; frame < frames; ++frame) {
  Store_Labels:
    for (unsigned k = 0; k < Layer::kTop; ++k) {
#pragma HLS PIPELINE II=1 style=flp
      fire<Store<Layer>>();
      memory[first + k] = in.read();
    }
    first += Layer::kTop;
  }
}

}  // namespace resflow
