// The AVX2 path: pairs of products in 16 bits where they fit, and exactly in 32 where they may not.
#include "kernels.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>

#include <algorithm>
#include <cstring>
#include <type_traits>

// From here to the end of the file, so that nothing of the standard library is compiled for this instruction set alone.
#pragma GCC target("avx2,fma")

namespace resflow {
namespace {

#include "loops.inl"

constexpr unsigned kRows = 16, kTileRows = 4, kVector = 32, kVectors = 2;  // 4 rows of 2 vectors of sums are in registers
constexpr unsigned kChunk = kNarrow, kSpeed = 64;
constexpr unsigned kInterleave = 4, kQuadBytes = kPanel * kInterleave;

inline std::int32_t load_quad(const std::uint8_t *codes) {
  std::int32_t quad;
  std::memcpy(&quad, codes, sizeof quad);
  return quad;
}

/// vpmaddubsw saturates at 16 bits, and so does their sum over a chunk: only for layers that stay below.
struct Narrow {
  static __m256i product(__m256i codes, __m256i weights) { return _mm256_maddubs_epi16(codes, weights); }
  static __m256i add(__m256i part, __m256i product) { return _mm256_add_epi16(part, product); }
  static __m256i widen(__m256i part) { return _mm256_madd_epi16(part, _mm256_set1_epi16(1)); }
};

/// Even and odd inputs apart, in 16 bits each, whose products vpmaddwd adds in 32.
struct Exact {
  static __m256i product(__m256i codes, __m256i weights) {
    const __m256i even = _mm256_madd_epi16(_mm256_and_si256(codes, _mm256_set1_epi16(0xff)),
                                           _mm256_srai_epi16(_mm256_slli_epi16(weights, 8), 8));
    return _mm256_add_epi32(even, _mm256_madd_epi16(_mm256_srli_epi16(codes, 8), _mm256_srai_epi16(weights, 8)));
  }
  static __m256i add(__m256i part, __m256i product) { return _mm256_add_epi32(part, product); }
  static __m256i widen(__m256i part) { return part; }
};

template <class Arithmetic>
void multiply_tile(const Rows &rows, const std::uint8_t *const (&codes)[kTileRows], const std::int8_t *panel,
                   std::int32_t *const (&sums)[kTileRows]) {
  __m256i total[kTileRows][kVectors] = {};
  for (std::size_t line = 0; line < rows.lines; ++line) {
    for (std::size_t chunk = 0; chunk < rows.chunks; ++chunk) {
      const std::size_t start = line * rows.line_stride + chunk * kChunk;
      __m256i part[kTileRows][kVectors] = {};
      for (std::size_t k = start; k < start + kChunk; k += kInterleave, panel += kQuadBytes) {
        const __m256i left = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(panel));
        const __m256i right = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(panel + kVector));
        for (unsigned r = 0; r < kTileRows; ++r) {
          const __m256i quad = _mm256_set1_epi32(load_quad(codes[r] + k));
          part[r][0] = Arithmetic::add(part[r][0], Arithmetic::product(quad, left));
          part[r][1] = Arithmetic::add(part[r][1], Arithmetic::product(quad, right));
        }
      }
      for (unsigned r = 0; r < kTileRows; ++r) {
        for (unsigned v = 0; v < kVectors; ++v) total[r][v] = _mm256_add_epi32(total[r][v], Arithmetic::widen(part[r][v]));
      }
    }
  }
  for (unsigned r = 0; r < kTileRows; ++r) {
    for (unsigned v = 0; v < kVectors; ++v) _mm256_storeu_si256(reinterpret_cast<__m256i *>(sums[r]) + v, total[r][v]);
  }
}

template <class Arithmetic>
void multiply(const Rows &rows, unsigned count, const std::int8_t *panel, std::int32_t *sums) {
  for (unsigned row = 0; row < count; row += kTileRows) {
    for (unsigned byte = 0; byte < kQuadBytes; byte += kVector * kVectors) {
      const std::uint8_t *from[kTileRows];
      std::int32_t *to[kTileRows];
      for (unsigned r = 0; r < kTileRows; ++r) {
        const unsigned at = std::min(row + r, count - 1);  // the last row again, where there are no more
        from[r] = rows.codes + at * rows.stride;
        to[r] = sums + at * kPanel + byte / kInterleave;
      }
      multiply_tile<Arithmetic>(rows, from, panel + byte, to);
    }
  }
}

void expand(const std::uint64_t *bits, std::size_t words, const std::int8_t *units, std::int8_t *bytes) {
  const __m256i spread = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
  const __m256i select = _mm256_set1_epi64x(std::int64_t(0x8040201008040201));
  for (std::size_t half = 0; half < 2 * words; ++half) {
    const std::int32_t word = std::int32_t(bits[half / 2] >> (half % 2 * 32));
    const __m256i chosen = _mm256_and_si256(_mm256_shuffle_epi8(_mm256_set1_epi32(word), spread), select);
    // -1 where the bit is not set, which changes the sign.
    const __m256i minus = _mm256_cmpeq_epi8(chosen, _mm256_setzero_si256());
    const __m256i unit = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(units) + half % (kQuadBytes / kVector));
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(bytes) + half, _mm256_sub_epi8(_mm256_xor_si256(unit, minus), minus));
  }
}

/// 8 codes from `at` on, by the line in double precision.
inline __m256i count_double(const std::int32_t *sums, const Panel &panel, unsigned at) {
  const auto half = [&](unsigned i) {
    const __m256d sum = _mm256_cvtepi32_pd(_mm_loadu_si128(reinterpret_cast<const __m128i *>(sums + i)));
    const __m256d slope = _mm256_loadu_pd(panel.double_slope + i), offset = _mm256_loadu_pd(panel.double_offset + i);
    return _mm256_cvtpd_epi32(_mm256_fmadd_pd(sum, slope, offset));
  };
  return _mm256_set_m128i(half(at + 4), half(at));
}

/// The same in single precision; where that may be one less, the threshold after it decides.
inline __m256i count_single(const std::int32_t *sums, const Panel &panel, unsigned at) {
  const __m256i sum = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(sums + at));
  const __m256 slope = _mm256_loadu_ps(panel.slope + at), offset = _mm256_loadu_ps(panel.offset + at);
  const __m256i code = _mm256_cvtps_epi32(_mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), slope, offset));
  if (panel.way == Way::kLine) return code;
  const __m256i last = _mm256_set1_epi32(int(panel.count) - 1), lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256i within = _mm256_max_epi32(_mm256_min_epi32(code, last), _mm256_setzero_si256());
  const __m256i index = _mm256_add_epi32(_mm256_slli_epi32(within, 6), lane);
  static_assert(kPanel == 1 << 6, "which is the shift");
  const __m256i level = _mm256_i32gather_epi32(panel.levels + at, index, sizeof *panel.levels);
  // -1 where the threshold is above the sum.
  return _mm256_add_epi32(_mm256_add_epi32(within, _mm256_set1_epi32(1)), _mm256_cmpgt_epi32(level, sum));
}

void count(const std::int32_t *sums, const Panel &panel, std::uint8_t *codes) {
  if (panel.way == Way::kLevels) return count_levels(sums, panel, codes);
  constexpr unsigned kLanes = 8;
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);  // undoes what packing does across the two halves
  for (unsigned c = 0; c < kPanel; c += 4 * kLanes) {
    __m256i code[4];
    for (unsigned v = 0; v < 4; ++v) {
      const unsigned at = c + v * kLanes;
      code[v] = panel.way == Way::kDouble ? count_double(sums, panel, at) : count_single(sums, panel, at);
    }
    const __m256i packed = _mm256_packus_epi16(_mm256_packs_epi32(code[0], code[1]), _mm256_packs_epi32(code[2], code[3]));
    __m256i found = _mm256_permutevar8x32_epi32(packed, order);
    for (unsigned i = 0; i < panel.doublings; ++i) found = _mm256_adds_epu8(found, found);
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(codes + c), _mm256_min_epu8(found, _mm256_set1_epi8(char(panel.count))));
  }
}

/// The same of sums of 16 bits, 32 columns at a time.
void count_narrow(const std::uint16_t *sums, const Panel &panel, std::uint8_t *codes) {
  if (panel.way != Way::kFixed) return count_widened<count>(sums, panel, codes);
  constexpr unsigned kHalf = kPanel / 2, kWords = 16, kLanes = 8;
  const __m128i shift = _mm_cvtsi32_si128(int(panel.shift));
  const auto load = [](const auto *from) { return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(from)); };
  __m256i packed[2];
  for (unsigned p = 0; p < 2; ++p) {
    const auto half = [&](__m256i words, unsigned at) {  // factors of even words from there on, and of odd ones 16 further
      const auto times = [&](unsigned a) { return _mm256_add_epi32(_mm256_madd_epi16(words, load(panel.factor + a)), load(panel.fixed_offset + a)); };
      const __m256i even = times(at + p * kLanes), odd = times(at + kWords + p * kLanes);
      return _mm256_sra_epi16(_mm256_blend_epi16(_mm256_srli_epi32(even, 16), odd, 0xaa), shift);
    };
    const __m256i second = load(sums + kHalf + p * kWords);
    const __m256i first = _mm256_sub_epi16(load(sums + p * kWords), _mm256_slli_epi16(second, 8));
    packed[p] = _mm256_min_epu8(_mm256_packus_epi16(half(first, 0), half(second, kHalf)), _mm256_set1_epi8(char(panel.count)));
  }
  // Groups of four columns: across quarters in each 128 bits, and to be one quarter after the other.
  const __m256i low = _mm256_unpacklo_epi32(packed[0], packed[1]), high = _mm256_unpackhi_epi32(packed[0], packed[1]);
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  _mm256_storeu_si256(reinterpret_cast<__m256i *>(codes), _mm256_permutevar8x32_epi32(low, order));
  _mm256_storeu_si256(reinterpret_cast<__m256i *>(codes) + 1, _mm256_permutevar8x32_epi32(high, order));
}

/// Codes of whole panels, with those of the bypass added and clipped; the rest in any way.
void finish_rows(const Sums &sums, unsigned rows, unsigned columns, const Panel &panel, const Join &join, std::uint8_t *out, std::size_t stride) {
  if (join.sum != nullptr || join.bypass == nullptr || columns < kPanel) return finish<count, count_narrow>(sums, rows, columns, panel, join, out, stride);
  const __m256i zero = _mm256_set1_epi8(char(join.zero)), high = _mm256_set1_epi8(char(join.high));
  for (unsigned r = 0; r < rows; ++r) {
    alignas(kVector) std::uint8_t codes[kPanel];
    sums.wide != nullptr ? count(sums.wide + r * kPanel, panel, codes) : count_narrow(sums.narrow + r * kPanel, panel, codes);
    for (unsigned c = 0; c < kPanel; c += kVector) {
      const __m256i own = _mm256_load_si256(reinterpret_cast<const __m256i *>(codes + c));
      const __m256i other = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(join.bypass + r * join.stride + c));
      // One of the two differences is zero, so that nothing needs more than 8 bits.
      const __m256i raised = _mm256_adds_epu8(own, _mm256_subs_epu8(other, zero));
      const __m256i sum = _mm256_min_epu8(_mm256_subs_epu8(raised, _mm256_subs_epu8(zero, other)), high);
      _mm256_storeu_si256(reinterpret_cast<__m256i *>(out + r * stride + c), sum);
    }
  }
}

void nothing() {}

double burn(std::size_t iterations) {
  constexpr unsigned kSums = 8;
  __m256i sums[kSums] = {};
  const __m256i codes = _mm256_set1_epi8(1);
  __m256i weights = _mm256_set1_epi8(1);
  for (std::size_t i = 0; i < iterations; ++i) {
    for (unsigned s = 0; s < kSums; ++s) {
      asm volatile("" : "+x"(weights));  // or it would be multiplied once and for all
      sums[s] = _mm256_add_epi16(sums[s], _mm256_maddubs_epi16(codes, weights));
    }
  }
  __m256i total = sums[0];
  for (unsigned s = 1; s < kSums; ++s) total = _mm256_add_epi16(total, sums[s]);
  asm volatile("" : : "x"(total));
  return double(iterations) * kSums * kVector;
}

constexpr Kernels kKernels = {
    "avx2",
    kRows,
    kChunk,
    kPanel,
    kInterleave,
    kSpeed,
    false,
    multiply<Exact>,
    multiply<Narrow>,
    nullptr,
    expand,
    finish_rows,
    gather,
    gather_entry,
    nullptr,
    pool,
    accumulate,
    dense,
    nothing,
    nothing,
    burn,
};

}  // namespace

const Kernels *const kAvx2 = &kKernels;

}  // namespace resflow

#else
namespace resflow {
const Kernels *const kAvx2 = nullptr;
}
#endif
