// Products looked up in tables of 16 entries by vpshufb, 64 columns at a time.
#include "kernels.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>

#include <algorithm>
#include <cstring>
#include <iterator>

// From here to the end of the file, so that nothing of the standard library is compiled for this instruction set alone.
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx2,prefer-vector-width=512")

namespace resflow {
namespace {

constexpr std::uint8_t kOnes[] = {0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4};  // of four bits

struct Vector {
  using Bytes = __m512i;
  static constexpr unsigned kBytes = sizeof(Bytes), kInputs = 4, kTable = 1 << kInputs;

  static Bytes zero() { return _mm512_setzero_si512(); }
  static Bytes load(const void *from) { return _mm512_loadu_si512(from); }
  static void store(void *to, Bytes value) { _mm512_storeu_si512(to, value); }
  // GCC adds into another register, and moves it back.
  static void add_to(Bytes &sum, Bytes more) { asm("vpaddb %1, %0, %0" : "+v"(sum) : "v"(more)); }
  static Bytes add_pairs(Bytes a, Bytes b) { return _mm512_add_epi16(a, b); }
  static Bytes upper(Bytes pairs) { return _mm512_srli_epi16(pairs, 8); }
  static Bytes table(const std::uint8_t *from) { return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i *>(from))); }
  static Bytes look_up(Bytes table, Bytes index) { return _mm512_shuffle_epi8(table, index); }
  static Bytes find(const std::uint8_t *from, Bytes index) { return look_up(table(from), index); }

  static Bytes both(Bytes a, Bytes b) { return _mm512_and_si512(a, b); }
  static void add_ones(Bytes &sum, Bytes bits) {
    const Bytes low = _mm512_set1_epi8(15), counts = table(kOnes);
    add_to(sum, look_up(counts, both(bits, low)));
    add_to(sum, look_up(counts, both(_mm512_srli_epi16(bits, 4), low)));
  }
};

#include "tables16.inl"
#include "lookup.inl"

constexpr Lookup kTables = {"lookup16", Vector::kInputs, kBlock, first_input, make, add<Vector>, burn<Vector>, burn_planes<Vector>};

}  // namespace

const Lookup *const kLookupAvx512 = &kTables;

}  // namespace resflow

#else
namespace resflow {
const Lookup *const kLookupAvx512 = nullptr;
}
#endif
