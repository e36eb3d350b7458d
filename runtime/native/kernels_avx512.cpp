// The AVX-512 path: vpdpbusd multiplies four unsigned codes by four signed weights and adds them in 32 bits, exactly.
#include "kernels.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>

#include <algorithm>
#include <cstring>
#include <type_traits>

// From here to the end of the file, so that nothing of the standard library is compiled for this instruction set alone.
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,prefer-vector-width=512")

namespace resflow {
namespace {

#include "loops.inl"
#include "vectors_avx512.inl"

// 6 rows of 4 vectors of sums, 4 vectors of weights and a broadcast code fill the 32 registers.
constexpr unsigned kTileRows = 6, kRows = 24, kInterleave = 4, kChunk = kInterleave, kSpeed = 128;

template <unsigned kTile>
void multiply_tile(const Rows &rows, unsigned first, const std::int8_t *panel, std::int32_t *sums) {
  __m512i total[kTile][kQuarters];
  #pragma GCC unroll 8
  for (unsigned r = 0; r < kTile; ++r) {
    #pragma GCC unroll 8
    for (unsigned q = 0; q < kQuarters; ++q) total[r][q] = _mm512_setzero_si512();
  }
  const std::uint8_t *line = rows.codes + first * rows.stride;
  for (std::size_t l = 0; l < rows.lines; ++l, line += rows.line_stride) {
    const std::uint8_t *codes = line;
    for (std::size_t chunk = 0; chunk < rows.chunks; ++chunk, codes += kChunk, panel += kPanel * kInterleave) {
      __m512i weights[kQuarters];
      #pragma GCC unroll 8
      for (unsigned q = 0; q < kQuarters; ++q) weights[q] = _mm512_loadu_si512(panel + q * sizeof(__m512i));
      #pragma GCC unroll 8
      for (unsigned r = 0; r < kTile; ++r) {
        std::int32_t quad;
        std::memcpy(&quad, codes + r * rows.stride, sizeof quad);
        const __m512i four = _mm512_set1_epi32(quad);
        #pragma GCC unroll 8
        for (unsigned q = 0; q < kQuarters; ++q) total[r][q] = _mm512_dpbusd_epi32(total[r][q], four, weights[q]);
      }
    }
  }
  #pragma GCC unroll 8
  for (unsigned r = 0; r < kTile; ++r) {
    #pragma GCC unroll 8
    for (unsigned q = 0; q < kQuarters; ++q) _mm512_storeu_si512(sums + (first + r) * kPanel + q * kLanes, total[r][q]);
  }
}

void multiply(const Rows &rows, unsigned count, const std::int8_t *panel, std::int32_t *sums) {
  unsigned first = 0;
  for (; first + kTileRows <= count; first += kTileRows) multiply_tile<kTileRows>(rows, first, panel, sums);
  switch (count - first) {
    case 5: return multiply_tile<5>(rows, first, panel, sums);
    case 4: return multiply_tile<4>(rows, first, panel, sums);
    case 3: return multiply_tile<3>(rows, first, panel, sums);
    case 2: return multiply_tile<2>(rows, first, panel, sums);
    case 1: return multiply_tile<1>(rows, first, panel, sums);
  }
}

void nothing() {}

double burn(std::size_t iterations) {
  constexpr unsigned kSums = 12;
  __m512i sums[kSums];
  for (unsigned s = 0; s < kSums; ++s) sums[s] = _mm512_setzero_si512();
  const __m512i codes = _mm512_set1_epi8(1);
  __m512i weights = _mm512_set1_epi8(1);
  for (std::size_t i = 0; i < iterations; ++i) {
    for (unsigned s = 0; s < kSums; ++s) sums[s] = _mm512_dpbusd_epi32(sums[s], codes, weights);
    asm volatile("" : "+v"(weights));  // or it would be multiplied once and for all
  }
  __m512i total = sums[0];
  for (unsigned s = 1; s < kSums; ++s) total = _mm512_add_epi32(total, sums[s]);
  asm volatile("" : : "v"(total));
  return double(iterations) * kSums * sizeof(__m512i);
}

constexpr Kernels kKernels = {
    "avx512",
    kRows,
    kChunk,
    kPanel,
    kInterleave,
    kSpeed,
    true,
    multiply,
    nullptr,
    nullptr,
    expand<kPanel>,
    finish,
    gather,
    gather_entry_columns,
    nullptr,
    pool_columns,
    accumulate,
    dense_together,
    nothing,
    nothing,
    burn,
};

}  // namespace

const Kernels *const kAvx512 = &kKernels;

}  // namespace resflow

#else
namespace resflow {
const Kernels *const kAvx512 = nullptr;
}
#endif
