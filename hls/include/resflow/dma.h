// Between card memory and streams. Memory holds frames one after the other, each padded to whole 512-bit words.
#pragma once

#include <hls_stream.h>

#include "formats.h"
#include "simulation.h"

namespace resflow {

template <class Layer>
struct Load;
template <class Layer>
struct Unpack;
template <class Layer>
struct Store;

/// Words from memory, in bursts. One process, II=1.
///   memory  kWords words a frame; the same ones for every frame where kRepeats says so
///   cycles  kWords a frame
template <class Layer>
void load(const Word *memory, unsigned frames, hls::stream<Word> &out) {
  unsigned word = 0;
Load_Words:
  for (unsigned i = 0; i < frames * Layer::kWords; ++i) {
#pragma HLS PIPELINE II=1
    fire<Load<Layer>>();
    out.write(memory[Layer::kRepeats ? word : i]);
    word = word == Layer::kWords - 1 ? 0 : word + 1;
  }
}

/// Words cut into beats; what pads the last word of a frame is dropped. One process, II=1.
///   in       Word                  kWords a frame
///   out      Beat<kLanes, Code>    kBeats a frame, at most a word wide
///   cycles   kBeats a frame
///   storage  a word and a beat
template <class Layer>
void unpack(hls::stream<Word> &in, unsigned frames, hls::stream<Beat<Layer::kLanes, typename Layer::Code>> &out) {
  constexpr unsigned kBeatBits = Layer::kLanes * Layer::Code::kBits;
  static_assert(kBeatBits <= 512, "one word must fill one beat, for one read a cycle to keep up");
  ap_uint<512 + kBeatBits> buffer = 0;
  unsigned held = 0, beat = 0;  // bits in the buffer; beat of the frame
Unpack_Beats:
  for (unsigned i = 0; i < frames * Layer::kBeats; ++i) {
#pragma HLS PIPELINE II=1
    fire<Unpack<Layer>>();
    if (held < kBeatBits) {
      buffer |= ap_uint<512 + kBeatBits>(in.read()) << held;
      held += 512;
    }
    out.write(ap_uint<kBeatBits>(buffer));
    if (beat == Layer::kBeats - 1) {
      beat = 0;
      buffer = 0;
      held = 0;
    } else {
      ++beat;
      buffer >>= kBeatBits;
      held -= kBeatBits;
    }
  }
}

/// Labels to memory. One process, II=1.
///   cycles  kTop a frame
template <class Layer>
void store(hls::stream<Beat<1, UInt<32>>> &in, unsigned frames, ap_uint<32> *memory) {
Store_Labels:
  for (unsigned i = 0; i < frames * Layer::kTop; ++i) {
#pragma HLS PIPELINE II=1
    fire<Store<Layer>>();
    memory[i] = in.read();
  }
}

}  // namespace resflow
