// Weights of the fully connected layer kept on chip, sent in the order the layer takes them from memory otherwise.
#pragma once

#include "formats.h"
#include "rom.h"
#include "simulation.h"

namespace resflow {

template <class Layer>
struct WeightRom;

/// All weights once a frame. One process, II=1.
///   out      Beat<kPe*kSimd, Weight>  PE by PE, the inputs of each together
///   cycles   kTiles a frame
///   storage  a row of kPe*kSimd weights a tile; see rom.h
///   misuse   it sends whether or not there is a frame: kTiles other than those its dense layer reads leave weights over, or keep
///            that layer waiting
template <class Layer, class Word, unsigned roms, unsigned words>
void weight_rom(const Word (&weights)[roms][Layer::kTiles][words],
                hls::stream<Beat<Layer::kPe * Layer::kSimd, typename Layer::Weight>> &out) {
#pragma HLS ARRAY_PARTITION variable=weights complete dim=1
#pragma HLS ARRAY_RESHAPE variable=weights complete dim=3
  constexpr unsigned kWordBits = Layer::kSimd * Layer::Weight::kBits;
WeightRom_Tiles:
  for (unsigned tile = 0; tile < Layer::kTiles; ++tile) {
#pragma HLS PIPELINE II=1 style=frp
    fire<WeightRom<Layer>>();
    Beat<Layer::kPe * Layer::kSimd, typename Layer::Weight> beat = 0;
    for (unsigned pe = 0; pe < Layer::kPe; ++pe) {
#pragma HLS UNROLL
      beat.range((pe + 1) * kWordBits - 1, pe * kWordBits) = weights_of<Layer::kSimd, Layer>(weights, tile, pe);
    }
    out.write(beat);
  }
}

}  // namespace resflow
