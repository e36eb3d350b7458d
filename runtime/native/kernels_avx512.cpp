// The AVX-512 path: vpdpbusd multiplies four unsigned codes by four signed weights and adds them in 32 bits, exactly.
#include "kernels.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#include <algorithm>
#include <cstring>

// From here to the end of the file, so that nothing of the standard library is compiled for this instruction set alone.
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,prefer-vector-width=512")

namespace resflow {
namespace {

#include "loops.inl"
#include "vectors_avx512.inl"

// 6 rows of 4 vectors of sums, 4 vectors of weights and a broadcast code fill the 32 registers.
constexpr unsigned kTileRows = 6, kRows = 24, kInterleave = 4;

template <unsigned kTile>
void multiply_tile(const std::uint8_t *codes, std::size_t stride, const std::int8_t *panel, std::size_t chunks, std::int32_t *sums) {
  __m512i total[kTile][kQuarters];
  for (unsigned r = 0; r < kTile; ++r) {
    for (unsigned q = 0; q < kQuarters; ++q) total[r][q] = _mm512_setzero_si512();
  }
  for (std::size_t k = 0; k < chunks * kChunk; k += kInterleave, panel += kPanel * kInterleave) {
    __m512i weights[kQuarters];
    for (unsigned q = 0; q < kQuarters; ++q) weights[q] = _mm512_loadu_si512(panel + q * sizeof(__m512i));
    for (unsigned r = 0; r < kTile; ++r) {
      std::int32_t quad;
      std::memcpy(&quad, codes + r * stride + k, sizeof quad);
      const __m512i four = _mm512_set1_epi32(quad);
      for (unsigned q = 0; q < kQuarters; ++q) total[r][q] = _mm512_dpbusd_epi32(total[r][q], four, weights[q]);
    }
  }
  for (unsigned r = 0; r < kTile; ++r) {
    for (unsigned q = 0; q < kQuarters; ++q) _mm512_storeu_si512(sums + r * kPanel + q * kLanes, total[r][q]);
  }
}

void multiply(const std::uint8_t *codes, std::size_t stride, unsigned rows, const std::int8_t *panel, std::size_t chunks,
              std::int32_t *sums) {
  while (rows >= kTileRows) {
    multiply_tile<kTileRows>(codes, stride, panel, chunks, sums);
    codes += kTileRows * stride, sums += kTileRows * kPanel, rows -= kTileRows;
  }
  switch (rows) {
    case 5: return multiply_tile<5>(codes, stride, panel, chunks, sums);
    case 4: return multiply_tile<4>(codes, stride, panel, chunks, sums);
    case 3: return multiply_tile<3>(codes, stride, panel, chunks, sums);
    case 2: return multiply_tile<2>(codes, stride, panel, chunks, sums);
    case 1: return multiply_tile<1>(codes, stride, panel, chunks, sums);
  }
}

void nothing() {}

double burn(std::size_t iterations) {
  constexpr unsigned kSums = 12;
  __m512i sums[kSums];
  for (unsigned s = 0; s < kSums; ++s) sums[s] = _mm512_setzero_si512();
  const __m512i codes = _mm512_set1_epi8(1), weights = _mm512_set1_epi8(1);
  for (std::size_t i = 0; i < iterations; ++i) {
    for (unsigned s = 0; s < kSums; ++s) {
      sums[s] = _mm512_dpbusd_epi32(sums[s], codes, weights);
      asm volatile("" : "+v"(sums[s]));  // or the loop would be one multiplication
    }
  }
  return double(iterations) * kSums * sizeof(__m512i);
}

constexpr Kernels kKernels = {
    "avx512", kRows,        kInterleave, multiply,   nullptr, nullptr, expand,  finish,
    gather,   gather_entry, pool,        accumulate, dense,   nothing, nothing, burn,
};

}  // namespace

const Kernels *const kAvx512 = &kKernels;

}  // namespace resflow

#else
namespace resflow {
const Kernels *const kAvx512 = nullptr;
}
#endif
