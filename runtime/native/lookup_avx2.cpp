// Products looked up in tables of 16 entries by vpshufb, 32 columns at a time.
#include "kernels.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>

#include <algorithm>
#include <cstring>
#include <iterator>

// From here to the end of the file, so that nothing of the standard library is compiled for this instruction set alone.
#pragma GCC target("avx2")

namespace resflow {
namespace {

constexpr std::uint8_t kOnes[] = {0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4};  // of four bits

struct Vector {
  using Bytes = __m256i;
  static constexpr unsigned kBytes = sizeof(Bytes), kInputs = 4, kTable = 1 << kInputs;

  static Bytes zero() { return _mm256_setzero_si256(); }
  static Bytes load(const void *from) { return _mm256_loadu_si256(static_cast<const Bytes *>(from)); }
  static void store(void *to, Bytes value) { _mm256_storeu_si256(static_cast<Bytes *>(to), value); }
  // GCC adds into another register, and moves it back.
  static void add_to(Bytes &sum, Bytes more) { asm("vpaddb %1, %0, %0" : "+v"(sum) : "v"(more)); }
  static Bytes add_pairs(Bytes a, Bytes b) { return _mm256_add_epi16(a, b); }
  static Bytes upper(Bytes pairs) { return _mm256_srli_epi16(pairs, 8); }
  static Bytes table(const std::uint8_t *from) { return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i *>(from))); }
  static Bytes look_up(Bytes table, Bytes index) { return _mm256_shuffle_epi8(table, index); }
  static Bytes find(const std::uint8_t *from, Bytes index) { return look_up(table(from), index); }

  static Bytes both(Bytes a, Bytes b) { return _mm256_and_si256(a, b); }
  static void add_ones(Bytes &sum, Bytes bits) {
    const Bytes low = _mm256_set1_epi8(15), counts = table(kOnes);
    add_to(sum, look_up(counts, both(bits, low)));
    add_to(sum, look_up(counts, both(_mm256_srli_epi16(bits, 4), low)));
  }
};

#include "tables16.inl"
#include "lookup.inl"

constexpr Lookup kTables = {"lookup16", Vector::kInputs, kBlock, first_input, make, add<Vector>, burn<Vector>, burn_planes<Vector>};

}  // namespace

const Lookup *const kLookupAvx2 = &kTables;

}  // namespace resflow

#else
namespace resflow {
const Lookup *const kLookupAvx2 = nullptr;
}
#endif
