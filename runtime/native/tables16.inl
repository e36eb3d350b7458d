// Tables of 16 entries, for four inputs each, by AVX2. Those of 16 inputs are made together, in the order in which two 128-bit halves leave
// them: 0, 2, 1, 3.

constexpr unsigned kBlock = 16;

inline unsigned first_input(unsigned table) {
  constexpr unsigned kOrder[] = {0, 2, 1, 3};
  return 4 * kOrder[table];
}

/// Bytes of both 128-bit halves.
inline __m256i halves(__m128i low, __m128i high) { return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1); }

inline void make_block(__m128i codes, __m256i high, std::uint8_t *tables) {
  const __m256i both = _mm256_broadcastsi128_si256(codes);
  // Entry j of a pair of inputs: the first as it is where bit 0 of j is set, the second where bit 1 is, and high - code where not.
  const __m256i even = halves(_mm_setr_epi8(0, 0, 0, 0, 2, 2, 2, 2, 4, 4, 4, 4, 6, 6, 6, 6),
                              _mm_setr_epi8(8, 8, 8, 8, 10, 10, 10, 10, 12, 12, 12, 12, 14, 14, 14, 14));
  const __m256i odd = _mm256_add_epi8(even, _mm256_set1_epi8(1));
  const __m256i first = _mm256_xor_si256(_mm256_shuffle_epi8(both, even), _mm256_andnot_si256(_mm256_set1_epi32(int(0xff00ff00)), high));
  const __m256i second = _mm256_xor_si256(_mm256_shuffle_epi8(both, odd), _mm256_andnot_si256(_mm256_set1_epi32(int(0xffff0000)), high));
  const __m256i pairs = _mm256_add_epi8(first, second);
  // Of two pairs, the first has the lower two bits of the index and the second the upper two.
  const __m256i low = _mm256_set1_epi32(0x03020100);
  const __m256i upper = _mm256_broadcastsi128_si256(_mm_setr_epi8(4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7));
  const __m256i eight = _mm256_set1_epi8(8);
  const auto table = [&](__m256i lower_pair, __m256i upper_pair) {
    return _mm256_add_epi8(_mm256_shuffle_epi8(pairs, lower_pair), _mm256_shuffle_epi8(pairs, upper_pair));
  };
  _mm256_storeu_si256(reinterpret_cast<__m256i *>(tables), table(low, upper));
  _mm256_storeu_si256(reinterpret_cast<__m256i *>(tables) + 1, table(_mm256_add_epi8(low, eight), _mm256_add_epi8(upper, eight)));
}

inline void make(const std::uint8_t *codes, std::size_t stride, std::size_t pixels, std::size_t channels, unsigned high, std::uint8_t *tables) {
  constexpr std::size_t kBytes = kBlock / 4 * 16;
  const __m256i most = _mm256_set1_epi8(char(high));
  for (std::size_t p = 0; p < pixels; ++p, codes += stride) {
    std::size_t c = 0;
    for (; c + kBlock <= channels; c += kBlock, tables += kBytes) {
      make_block(_mm_loadu_si128(reinterpret_cast<const __m128i *>(codes + c)), most, tables);
    }
    if (c == channels) continue;
    std::uint8_t rest[kBlock] = {};
    std::memcpy(rest, codes + c, channels - c);
    make_block(_mm_loadu_si128(reinterpret_cast<const __m128i *>(rest)), most, tables);
    tables += kBytes;
  }
}
