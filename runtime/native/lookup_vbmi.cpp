// Products looked up in tables of 64 entries by vpermb of AVX-512 VBMI. All processors that have it, but for one, have VPOPCNTDQ, too.
#include "kernels.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>

#include <algorithm>
#include <iterator>

// From here to the end of the file, so that nothing of the standard library is compiled for this instruction set alone.
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vpopcntdq,avx2,prefer-vector-width=512")

namespace resflow {
namespace {

struct Vector {
  using Bytes = __m512i;
  static constexpr unsigned kBytes = sizeof(Bytes), kInputs = 6, kTable = 1 << kInputs;

  static Bytes zero() { return _mm512_setzero_si512(); }
  static Bytes load(const void *from) { return _mm512_loadu_si512(from); }
  static void store(void *to, Bytes value) { _mm512_storeu_si512(to, value); }
  // GCC adds into another register, and moves it back.
  static void add_to(Bytes &sum, Bytes more) { asm("vpaddb %1, %0, %0" : "+v"(sum) : "v"(more)); }
  static Bytes add_pairs(Bytes a, Bytes b) { return _mm512_add_epi16(a, b); }
  static Bytes upper(Bytes pairs) { return _mm512_srli_epi16(pairs, 8); }
  static Bytes table(const std::uint8_t *from) { return _mm512_loadu_si512(from); }
  static Bytes look_up(Bytes table, Bytes index) { return _mm512_permutexvar_epi8(index, table); }
  static Bytes find(const std::uint8_t *from, Bytes index) { return look_up(table(from), index); }

  static Bytes both(Bytes a, Bytes b) { return _mm512_and_si512(a, b); }
  static void add_ones(Bytes &sum, Bytes bits) { sum = _mm512_add_epi64(sum, _mm512_popcnt_epi64(bits)); }
};

#include "lookup.inl"

constexpr unsigned kBlock = Vector::kInputs;

unsigned first_input(unsigned) { return 0; }

/// Which of 24 codes, or of their complements 32 bytes behind them, is the addend number `place` of each entry of 8 tables of 8.
struct Addend {
  alignas(64) std::uint8_t from[64];

  explicit constexpr Addend(unsigned place) : from{} {
    for (unsigned i = 0; i < 64; ++i) from[i] = std::uint8_t(i / 8 * 3 + place + (i >> place & 1 ? 0 : 32));
  }
};

/// Which entries of 8 tables of 8 an entry of table `place` out of 4 adds up: of one by the lower three bits of its number, of the next by
/// the upper three.
struct Pair {
  alignas(64) std::uint8_t lower[64], upper[64];

  explicit constexpr Pair(unsigned place) : lower{}, upper{} {
    for (unsigned i = 0; i < 64; ++i) lower[i] = std::uint8_t(place * 16 + i % 8), upper[i] = std::uint8_t(place * 16 + 8 + i / 8);
  }
};

constexpr Addend kAddends[] = {Addend(0), Addend(1), Addend(2)};
constexpr Pair kPairs[] = {Pair(0), Pair(1), Pair(2), Pair(3)};
constexpr std::size_t kTogether = std::size(kPairs), kCodes = kTogether * Vector::kInputs;

/// 8 tables of 8 of up to 24 codes.
inline __m512i make_eights(const std::uint8_t *codes, __mmask32 mask, __m256i high) {
  const __m256i some = _mm256_maskz_loadu_epi8(mask, codes);
  const __m512i both = _mm512_inserti64x4(_mm512_castsi256_si512(some), _mm256_xor_si256(some, high), 1);
  const auto addend = [&](unsigned i) { return Vector::look_up(both, _mm512_load_si512(kAddends[i].from)); };
  return _mm512_add_epi8(_mm512_add_epi8(addend(0), addend(1)), addend(2));
}

inline __m512i make_table(__m512i eights, const Pair &pair) {
  const auto of = [&](const std::uint8_t *entries) { return Vector::look_up(eights, _mm512_load_si512(entries)); };
  return _mm512_add_epi8(of(pair.lower), of(pair.upper));
}

void make(const std::uint8_t *codes, std::size_t stride, std::size_t pixels, std::size_t channels, unsigned high, std::uint8_t *tables) {
  const __m256i most = _mm256_set1_epi8(char(high));
  const std::size_t whole = channels / kCodes * kCodes, rest = (channels - whole + Vector::kInputs - 1) / Vector::kInputs;
  constexpr __mmask32 kAll = (std::uint32_t(1) << kCodes) - 1;
  const __mmask32 some = (std::uint32_t(1) << (channels - whole)) - 1;
  for (std::size_t p = 0; p < pixels; ++p, codes += stride) {
    for (std::size_t c = 0; c < whole; c += kCodes) {
      const __m512i eights = make_eights(codes + c, kAll, most);
      #pragma GCC unroll 4
      for (std::size_t t = 0; t < kTogether; ++t, tables += Vector::kTable) _mm512_storeu_si512(tables, make_table(eights, kPairs[t]));
    }
    const __m512i eights = make_eights(codes + whole, some, most);
    #pragma GCC unroll 4
    for (std::size_t t = 0; t < kTogether; ++t) {
      if (t < rest) _mm512_storeu_si512(tables, make_table(eights, kPairs[t])), tables += Vector::kTable;
    }
  }
}

constexpr Lookup kTables = {"lookup64", Vector::kInputs, kBlock, first_input, make, add<Vector>, burn<Vector>, burn_planes<Vector>};

}  // namespace

const Lookup *const kLookupVbmi = &kTables;

}  // namespace resflow

#else
namespace resflow {
const Lookup *const kLookupVbmi = nullptr;
}
#endif
