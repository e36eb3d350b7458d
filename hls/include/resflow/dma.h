// Between card memory and streams. Memory holds frames one after the other, each padded to whole 512-bit words.
#pragma once

#include "formats.h"
#include "simulation.h"

namespace resflow {

template <class Layer>
struct Load;
template <class Layer>
struct Unpack;
template <class Layer>
struct Store;

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
template <class Layer>
void unpack(hls::stream<Word> &in, unsigned frames, hls::stream<Beat<Layer::kLanes, typename Layer::Code>> &out) {
  constexpr unsigned kBeatBits = Layer::kLanes * Layer::Code::kBits;
  constexpr bool kWhole = 512 % kBeatBits == 0;  // no beat lies across two words: no shifter is needed in front of the buffer
  static_assert(kBeatBits <= 512, "one word must fill one beat, for one read a cycle to keep up");
  using Buffer = ap_uint<512 + kBeatBits>;
Unpack_Frames:
  for (unsigned frame = 0; frame < frames; ++frame) {
    Buffer buffer = 0;
    unsigned held = 0;  // bits in the buffer
  Unpack_Beats:
    for (unsigned beat = 0; beat < Layer::kBeats; ++beat) {
#pragma HLS PIPELINE II=1 style=flp
      fire<Unpack<Layer>>();
      if (held < kBeatBits) {
        const Buffer word = in.read();
        buffer = kWhole ? word : Buffer(buffer | word << held);
        held += 512;
      }
      out.write(ap_uint<kBeatBits>(buffer));
      buffer >>= kBeatBits;
      held -= kBeatBits;
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
