// Fully connected layer. Its weights come as a stream, from card memory or from weight_rom.
#pragma once

#include "counter.h"
#include "formats.h"
#include "pes.h"
#include "rom.h"
#include "simulation.h"
#include "storage.h"

namespace resflow {

template <class Layer>
struct Dense;

/// In place of a bias: nothing is added. UNCONFIRMED, as NoThresholds in products.h.
struct NoBias {};

template <class Acc, class T, unsigned roms, unsigned rows, unsigned integers>
Acc bias_of(const T (&bias)[roms][rows][integers], unsigned row, unsigned pe) {
#pragma HLS INLINE
  return element(bias, row, pe);
}

template <class Acc>
Acc bias_of(const NoBias &, unsigned, unsigned) {
#pragma HLS INLINE
  return 0;
}

/// The loop of `dense`, with a bias or without.
template <class Layer, class Bias>
void rows_of_products(hls::stream<Beat<Layer::kSimd, typename Layer::In>> &in,
                      hls::stream<Beat<Layer::kPe * Layer::kSimd, typename Layer::Weight>> &weights, const Bias &bias,
                      hls::stream<Beat<Layer::kPe, typename Layer::Acc>> &out) {
#pragma HLS INLINE
  using Acc = typename Layer::Acc::Value;
  constexpr unsigned kFoldIn = Layer::kIn / Layer::kSimd;
  constexpr unsigned kFoldOut = Layer::kOut / Layer::kPe;
  constexpr unsigned kKept = kFoldOut > 1 ? kFoldIn : 1;  // beats of a frame, where they are needed again
  constexpr unsigned kWordBits = Layer::kSimd * Layer::Weight::kBits;

  Beat<Layer::kSimd, typename Layer::In> buffer[kKept];
  Memory<Layer::kBufferStorage>::holds(buffer);
// A beat is read again kFoldIn iterations after it was written, then every kFoldIn more.
#pragma HLS DEPENDENCE variable=buffer inter RAW distance=kFoldIn true
  Acc acc[1][Layer::kPe], offset[1];
#pragma HLS ARRAY_PARTITION variable=acc complete dim=0
#pragma HLS ARRAY_PARTITION variable=offset complete
  Counter<kFoldOut - 1> nf = 0;
  Counter<kFoldIn - 1> sf = 0;
Dense_Tiles:
  for (unsigned i = 0; i < kFoldOut * kFoldIn; ++i) {
#pragma HLS PIPELINE II=1 style=frp
    // Invariant: i = nf*kFoldIn + sf.
    fire<Dense<Layer>>();
    Beat<Layer::kSimd, typename Layer::In> codes;
    if (kFoldOut == 1) {
      codes = in.read();
    } else if (nf == 0) {
      codes = in.read();
      buffer[sf] = codes;
    } else {
      codes = buffer[sf];
    }
    const Beat<Layer::kPe * Layer::kSimd, typename Layer::Weight> beat = weights.read();
    ap_uint<kWordBits> words[Layer::kPe];
#pragma HLS ARRAY_PARTITION variable=words complete
    for (unsigned pe = 0; pe < Layer::kPe; ++pe) {
#pragma HLS UNROLL
      words[pe] = beat.range((pe + 1) * kWordBits - 1, pe * kWordBits);
    }
    Pes<Layer::kSimd, 1, Layer, Layer::kDsp>::template add<kFoldIn>(codes, words, sf == 0, acc, offset);
    Beat<Layer::kPe, typename Layer::Acc> scores = 0;
    for (unsigned pe = 0; pe < Layer::kPe; ++pe) {
#pragma HLS UNROLL
      set_lane<typename Layer::Acc>(scores, pe, acc[0][pe] - offset[0] + bias_of<Acc>(bias, nf, pe));
    }
    if (sf == kFoldIn - 1) out.write(scores);
    if (sf.advance()) nf.advance();
  }
}

/// Matrix-vector product plus bias; every weight is used once a frame and then gone. One process, II=1.
///   in       Beat<kSimd, In>           fold_in = kIn/kSimd beats a frame
///   weights  Beat<kPe*kSimd, Weight>   a beat a cycle: rows nf*kPe ... nf*kPe + kPe-1, inputs sf*kSimd ...
///   out      Beat<kPe, Acc>            fold_out = kOut/kPe beats a frame
///   cycles   fold_in * fold_out a frame
///   storage  an input buffer of fold_in beats in kBufferStorage, where there is more than one output fold; a row of kPe biases an
///            output fold, see rom.h; without a bias, which scale_scores adds, none
///   products in LUTs, or with kDsp in DSPs: see pes.h
///   misuse   weights in another order give wrong scores; too few beats of them, and it waits holding the frame; too many, and
///            the next frame begins with the rest: every frame after is wrong. An Acc too narrow wraps without a sign
template <class Layer, class T, unsigned roms, unsigned integers>
void dense(hls::stream<Beat<Layer::kSimd, typename Layer::In>> &in,
           hls::stream<Beat<Layer::kPe * Layer::kSimd, typename Layer::Weight>> &weights,
           const T (&bias)[roms][Layer::kOut / Layer::kPe][integers], hls::stream<Beat<Layer::kPe, typename Layer::Acc>> &out) {
#pragma HLS ARRAY_PARTITION variable=bias complete dim=1
#pragma HLS ARRAY_RESHAPE variable=bias complete dim=3
  static_assert(rows_hold(roms, integers, Layer::kPe), "a row holds the bias of kPe PEs; see hls/roms.py");
  rows_of_products<Layer>(in, weights, bias, out);
}

template <class Layer>
void dense(hls::stream<Beat<Layer::kSimd, typename Layer::In>> &in,
           hls::stream<Beat<Layer::kPe * Layer::kSimd, typename Layer::Weight>> &weights,
           hls::stream<Beat<Layer::kPe, typename Layer::Acc>> &out) {
  rows_of_products<Layer>(in, weights, NoBias(), out);
}

}  // namespace resflow
