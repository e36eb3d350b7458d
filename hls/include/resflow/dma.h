// Between card memory and streams. Memory holds frames one after the other, each padded to whole 512-bit words.
//
// Where constants are loaded, every call has an answer, see configure.h: of a load or of frames that are refused, no frame is moved.
#pragma once

#include "configure.h"
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

template <class Layer>
void load(const Word *memory, hls::stream<Answer> &answers, unsigned frames, hls::stream<Word> &out) {
  const Answer answer = answers.read();
  load<Layer>(memory, answer == kRun ? frames : 0, out);
}

/// Words cut into beats; what pads the last word of a frame is dropped. One process, II=1.
///   in       Word                  kWords a frame
///   out      Beat<kLanes, Code>    kBeats a frame, at most a word wide
///   cycles   kBeats a frame
///   storage  a word and a beat
///   misuse   kWords that are not the words of kBeats beats shift every frame after the first, or leave words over; a beat wider
///            than a word is refused by static_assert
/// What is left of a word is a whole number of units, the greatest that divide word and beat; so the next one is moved up by so many of
/// them: a word of whole beats not at all, else by a multiplexer of two for each doubling of the places there are, not of its bits.
template <class Layer>
void unpack(hls::stream<Word> &in, unsigned frames, hls::stream<Beat<Layer::kLanes, typename Layer::Code>> &out) {
  constexpr unsigned kBeatBits = Layer::kLanes * Layer::Code::kBits;
  constexpr unsigned kUnit = common_divisor(512, kBeatBits);
  constexpr unsigned kPlaces = kBeatBits / kUnit;  // for the beginning of a word within a beat
  static_assert(kBeatBits <= 512, "one word must fill one beat, for one read a cycle to keep up");
  using Buffer = ap_uint<512 + kBeatBits>;
Unpack_Frames:
  for (unsigned frame = 0; frame < frames; ++frame) {
    Buffer buffer = 0;
    Counter<(512 + kBeatBits) / kBeatBits> whole = 0;  // beats in the buffer
    Counter<kPlaces - 1> place = 0;                    // units left below the next word
  Unpack_Beats:
    for (unsigned beat = 0; beat < Layer::kBeats; ++beat) {
#pragma HLS PIPELINE II=1 style=frp
      // Invariant: where whole is 0, the buffer holds place*kUnit bits.
      fire<Unpack<Layer>>();
      if (whole == 0) {
        buffer |= Buffer(in.read()) << (place * kUnit);
        whole = 512 / kBeatBits + place.advance_by(512 % kBeatBits / kUnit);
      }
      out.write(ap_uint<kBeatBits>(buffer));
      buffer >>= kBeatBits;
      whole = whole - 1;
    }
  }
}

/// Words that are sent with each frame come whether it is refused or not.
template <class Layer>
void unpack(hls::stream<Word> &in, hls::stream<Answer> &answers, unsigned frames,
            hls::stream<Beat<Layer::kLanes, typename Layer::Code>> &out) {
  const Answer answer = answers.read();
  if (answer == kRun) {
    unpack<Layer>(in, frames, out);
  } else if (Layer::kRepeats) {
  Drop_Frames:
    for (unsigned frame = 0; frame < frames; ++frame) {
    Drop_Words:
      for (unsigned word = 0; word < Layer::kWords; ++word) {
#pragma HLS PIPELINE II=1 style=frp
        in.read();
      }
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

/// Or the answer: once for a load, and in place of every label of frames that are refused.
template <class Layer>
void store(hls::stream<Beat<1, UInt<32>>> &in, hls::stream<Answer> &answers, unsigned frames, ap_uint<32> *memory) {
  const Answer answer = answers.read();
  if (answer == kRun) {
    store<Layer>(in, frames, memory);
  } else {
    const unsigned long long words = frames == 0 ? 1 : (unsigned long long)(frames) * Layer::kTop;
  Store_Answer:
    for (unsigned long long i = 0; i < words; ++i) {
#pragma HLS PIPELINE II=1 style=flp
      memory[i] = answer;
    }
  }
}

}  // namespace resflow
