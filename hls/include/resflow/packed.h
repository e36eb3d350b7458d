// Products of several weights with the codes of several pixels in one DSP, summed along a chain of DSPs: dataflow/packing.py says how many,
// where their fields lie, and why nothing carries from one to the next.
//
// A DSP48E2 computes ap_int<27> * ap_int<18> + ap_int<48> (UG579). HLS tools match a product with one addition behind it to a DSP where the
// product has no other use and the widths fit (UG1399, "DSP Multi-Operation Matching"). So every addition of a chain has one product: it
// begins with a sum that is no product, and is not to be balanced into a tree, in which half of the additions would have two (UG1399,
// "pragma HLS expression_balance"). Nothing is bound: a product that is bound does not take its addition with it.
// UNCONFIRMED: that the pragma holds for the chain once it is inlined; that tools left to themselves build products of so many bits in
// DSPs, but for a narrow one that has a DSP for itself; and that Vivado makes cascades of what they write, which saves wires and no LUTs.
//
// Misuse: steps, chains or factors for which a DSP has no room are refused by static_assert.
#pragma once

#include "counter.h"
#include "formats.h"

namespace resflow {

constexpr long long least(long long a, long long b) { return a < b ? a : b; }

/// The dot products of all PEs, for each of `pixels` pixels, of `lanes` codes and weights.
///   beat   the codes, pixel by pixel
///   words  the weights of each PE
///   sums   [pixel][PE], each kExcess too large
/// Of the layer: kDspWeights times kDspPixels products in a DSP, (i, j) at bit i*kWeightStep + j*kPixelStep; kChain sums fit a field.
template <unsigned lanes, unsigned pixels, class Layer>
struct Packed {
  using In = typename Layer::In;
  using Weight = typename Layer::Weight;
  static constexpr unsigned kWeights = Layer::kDspWeights, kPixels = Layer::kDspPixels;
  static constexpr unsigned kChains = (lanes + Layer::kChain - 1) / Layer::kChain;
  static constexpr unsigned kLength = (lanes + kChains - 1) / kChains;  // products in the longest chain
  static constexpr unsigned kPixelGroups = (pixels + kPixels - 1) / kPixels;

  // The highest code and weight; half of the weights that are there, by which they are raised where they have a sign; the least and the
  // greatest product.
  static constexpr long long kHighCode = (1ll << (In::kBits - In::kSigned)) - 1, kLowCode = kHighCode + 1 - (1ll << In::kBits);
  static constexpr long long kHighWeight = (1ll << (Weight::kBits - Weight::kSigned)) - 1;
  static constexpr long long kLowWeight = kHighWeight + 1 - (1ll << Weight::kBits);
  static constexpr long long kRaise = Weight::kSigned ? 1ll << (Weight::kBits - 1) : 0;
  static constexpr long long kLow = least(kHighWeight * kLowCode, kLowWeight * kHighCode);
  static constexpr long long kHigh = -least(-kHighWeight * kHighCode, -kLowWeight * kLowCode);
  static constexpr unsigned kFieldBits = bits_up_to(kLength * (kHigh - kLow));
  static constexpr long long kExcess = -kLow * lanes;

  static constexpr unsigned kFactorBits = (kWeights - 1) * Layer::kWeightStep + Weight::kBits + !Weight::kSigned;
  static constexpr unsigned kCodeBits = (kPixels - 1) * Layer::kPixelStep + In::kBits + (!In::kSigned || kPixels > 1);
  static_assert((kFactorBits <= 27 && kCodeBits <= 18) || (kFactorBits <= 18 && kCodeBits <= 27), "a DSP multiplies 27 by 18 bits");
  static_assert((kWeights - 1) * Layer::kWeightStep + (kPixels - 1) * Layer::kPixelStep + kFieldBits <= 48, "a DSP adds 48 bits");
  static_assert(kWeights == 1 || kPixels == 1 || Layer::kWeightStep >= (kPixels - 1) * Layer::kPixelStep + kFieldBits ||
                    Layer::kPixelStep >= (kWeights - 1) * Layer::kWeightStep + kFieldBits,
                "fields of several weights and pixels must not overlap: see dataflow/packing.py");
  static_assert((kWeights == 1 || Layer::kWeightStep >= kFieldBits) && (kPixels == 1 || Layer::kPixelStep >= kFieldBits),
                "a field must hold the sum of a chain: see dataflow/packing.py");

  using Factor = ap_int<kFactorBits>;
  using Codes = ap_int<kCodeBits>;
  using Sum = ap_int<48>;
  using Word = ap_uint<lanes * Weight::kBits>;
  using Total = ap_uint<bits_up_to(lanes * (kHigh - kLow))>;

  static void add(const Beat<pixels * lanes, In> &beat, const Word (&words)[Layer::kPe], Total (&sums)[pixels][Layer::kPe]) {
#pragma HLS INLINE
    Codes codes[kPixelGroups][lanes];
    Sum starts[kPixelGroups][kChains];
#pragma HLS ARRAY_PARTITION variable=codes complete dim=0
#pragma HLS ARRAY_PARTITION variable=starts complete dim=0
    for (unsigned group = 0; group < kPixelGroups; ++group) {
#pragma HLS UNROLL
      pack_codes(beat, group * kPixels, codes[group], starts[group]);
    }
    for (unsigned pe = 0; pe < Layer::kPe; pe += kWeights) {
#pragma HLS UNROLL
      Factor factors[lanes];
#pragma HLS ARRAY_PARTITION variable=factors complete
      pack_weights(words, pe, factors);
      for (unsigned group = 0; group < kPixelGroups; ++group) {
#pragma HLS UNROLL
        add_chains(factors, codes[group], starts[group], pe, group * kPixels, sums);
      }
    }
  }

 private:
  /// The first lane of a chain; chains are of kLength lanes or one less.
  static constexpr unsigned first_of(unsigned chain) { return chain * lanes / kChains; }

  /// Codes of pixels side by side, and what a chain begins with: in each field so much that no sum falls below zero, without what raised
  /// weights will have too much. That is kRaise times the sum of the codes, or of the highest code less what they are below it.
  static void pack_codes(const Beat<pixels * lanes, In> &beat, unsigned pixel, Codes (&codes)[lanes], Sum (&starts)[kChains]) {
#pragma HLS INLINE
    for (unsigned chain = 0; chain < kChains; ++chain) {
#pragma HLS UNROLL
      starts[chain] = 0;
      const unsigned first = first_of(chain), end = first_of(chain + 1);
      for (unsigned j = 0; j < kPixels; ++j) {
#pragma HLS UNROLL
        ap_uint<bits_up_to(kLength * ((1u << In::kBits) - 1))> below = 0;
        for (unsigned l = first; l < end; ++l) {
#pragma HLS UNROLL
          const typename In::Value code = pixel + j < pixels ? lane<In>(beat, (pixel + j) * lanes + l) : typename In::Value(0);
          below += kHighCode - code;
          codes[l] = (j == 0 ? Codes(0) : codes[l]) + (Codes(code) << (j * Layer::kPixelStep));
        }
        for (unsigned i = 0; i < kWeights; ++i) {
#pragma HLS UNROLL
          const long long plain = -kLow * (end - first), raised = (-kLow - kRaise * kHighCode) * (end - first);
          const Sum field = i + 1 < kWeights ? Sum(Sum(raised) + Sum(below) * kRaise) : Sum(plain);
          starts[chain] |= field << (i * Layer::kWeightStep + j * Layer::kPixelStep);
        }
      }
    }
  }

  /// Weights side by side, all but the highest without a sign.
  static void pack_weights(const Word (&words)[Layer::kPe], unsigned pe, Factor (&factors)[lanes]) {
#pragma HLS INLINE
    for (unsigned l = 0; l < lanes; ++l) {
#pragma HLS UNROLL
      factors[l] = 0;
      for (unsigned i = 0; i < kWeights && pe + i < Layer::kPe; ++i) {
#pragma HLS UNROLL
        const typename Weight::Value weight = lane<Weight>(words[pe + i], l);
        const Factor placed = i + 1 < kWeights ? Factor(ap_uint<Weight::kBits>(weight) ^ ap_uint<Weight::kBits>(kRaise)) : Factor(weight);
        factors[l] |= placed << (i * Layer::kWeightStep);
      }
    }
  }

  static void add_chains(const Factor (&factors)[lanes], const Codes (&codes)[lanes], const Sum (&starts)[kChains], unsigned pe,
                         unsigned pixel, Total (&sums)[pixels][Layer::kPe]) {
#pragma HLS INLINE
    for (unsigned chain = 0; chain < kChains; ++chain) {
#pragma HLS UNROLL
      const Sum sum = of_chain(factors, codes, starts[chain], first_of(chain), first_of(chain + 1));
      for (unsigned i = 0; i < kWeights && pe + i < Layer::kPe; ++i) {
#pragma HLS UNROLL
        for (unsigned j = 0; j < kPixels && pixel + j < pixels; ++j) {
#pragma HLS UNROLL
          const Total field = ap_uint<kFieldBits>(sum >> (i * Layer::kWeightStep + j * Layer::kPixelStep));
          sums[pixel + j][pe + i] = chain == 0 ? field : Total(sums[pixel + j][pe + i] + field);
        }
      }
    }
  }

  static Sum of_chain(const Factor (&factors)[lanes], const Codes (&codes)[lanes], Sum sum, unsigned first,
                      unsigned end) {
#pragma HLS INLINE
#pragma HLS EXPRESSION_BALANCE off
    for (unsigned l = first; l < end; ++l) {
#pragma HLS UNROLL
      sum += factors[l] * codes[l];
    }
    return sum;
  }
};

}  // namespace resflow
