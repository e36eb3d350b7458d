// Products looked up in tables of 64 entries by vpermb of AVX-512 VBMI.
#include "kernels.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>

#include <algorithm>
#include <iterator>

// From here to the end of the file, so that nothing of the standard library is compiled for this instruction set alone.
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx2,prefer-vector-width=512")

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

constexpr Addend kAddends[] = {Addend(0), Addend(1), Addend(2)};
constexpr std::size_t kTogether = 4, kCodes = kTogether * Vector::kInputs;  // tables that come out of one vector of tables of 8

void make(const std::uint8_t *codes, std::size_t stride, std::size_t pixels, std::size_t channels, unsigned high, std::uint8_t *tables) {
  const std::size_t per_pixel = (channels + kBlock - 1) / kBlock;
  const __m256i most = _mm256_set1_epi8(char(high));
  const __m512i first = _mm512_load_si512(kAddends[0].from), second = _mm512_load_si512(kAddends[1].from);
  const __m512i third = _mm512_load_si512(kAddends[2].from);
  // Each byte of 8, eight times.
  const __m512i slow = _mm512_set_epi64(0x0707070707070707, 0x0606060606060606, 0x0505050505050505, 0x0404040404040404, 0x0303030303030303,
                                        0x0202020202020202, 0x0101010101010101, 0);
  for (std::size_t p = 0; p < pixels; ++p, codes += stride) {
    for (std::size_t begin = 0; begin < per_pixel; begin += kTogether) {
      const std::size_t at = begin * Vector::kInputs, count = std::min(kCodes, channels - at);
      const __m256i some = _mm256_maskz_loadu_epi8((std::uint32_t(1) << count) - 1, codes + at);
      const __m512i both = _mm512_inserti64x4(_mm512_castsi256_si512(some), _mm256_xor_si256(some, most), 1);
      const __m512i two = _mm512_add_epi8(_mm512_permutexvar_epi8(first, both), _mm512_permutexvar_epi8(second, both));
      alignas(64) std::uint64_t eights[2 * kTogether];
      _mm512_store_si512(eights, _mm512_add_epi8(two, _mm512_permutexvar_epi8(third, both)));
      asm volatile("" : "+m"(eights));  // from where eight bytes are repeated by loading them, instead of by shuffling
      const std::size_t tables_here = std::min(kTogether, per_pixel - begin);
      for (std::size_t t = 0; t < tables_here; ++t, tables += Vector::kTable) {
        const __m512i fast = _mm512_set1_epi64(std::int64_t(eights[2 * t]));
        const __m512i other = _mm512_permutexvar_epi8(slow, _mm512_set1_epi64(std::int64_t(eights[2 * t + 1])));
        _mm512_storeu_si512(tables, _mm512_add_epi8(fast, other));
      }
    }
  }
}

constexpr Lookup kTables = {"lookup64", Vector::kInputs, kBlock, first_input, make, add<Vector>, burn<Vector>};

}  // namespace

const Lookup *const kLookupVbmi = &kTables;

}  // namespace resflow

#else
namespace resflow {
const Lookup *const kLookupVbmi = nullptr;
}
#endif
