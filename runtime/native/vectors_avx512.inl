// What the AVX-512 and AMX paths share: everything but the matrix product.

inline void expand(const std::uint64_t *bits, std::size_t words, std::int8_t *bytes) {
  const __m512i minus = _mm512_set1_epi8(-1), plus = _mm512_set1_epi8(1);
  for (std::size_t w = 0; w < words; ++w) {
    _mm512_storeu_si512(bytes + w * 64, _mm512_mask_blend_epi8(_cvtu64_mask64(bits[w]), minus, plus));
  }
}

constexpr unsigned kLanes = 16, kQuarters = kPanel / kLanes;

/// Four vectors of codes in 32 bits, clamped to 0 ... 255 and joined in order.
inline __m512i pack(const __m512i (&codes)[kQuarters]) {
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m512i packed = _mm512_packus_epi16(_mm512_packs_epi32(codes[0], codes[1]), _mm512_packs_epi32(codes[2], codes[3]));
  return _mm512_permutexvar_epi32(order, packed);
}

/// Slopes and offsets of a panel, in registers for all its rows.
struct Affine {
  __m512 slope[kQuarters], offset[kQuarters];
  __m512i high;

  explicit Affine(const Panel &panel) : high(_mm512_set1_epi8(char(panel.count))) {
    for (unsigned q = 0; q < kQuarters; ++q) {
      slope[q] = _mm512_loadu_ps(panel.slope + q * kLanes);
      offset[q] = _mm512_loadu_ps(panel.offset + q * kLanes);
    }
  }

  __m512i operator()(const std::int32_t *sums) const {
    __m512i codes[kQuarters];
    for (unsigned q = 0; q < kQuarters; ++q) {
      const __m512 sum = _mm512_cvtepi32_ps(_mm512_loadu_si512(sums + q * kLanes));
      codes[q] = _mm512_cvtps_epi32(_mm512_fmadd_ps(sum, slope[q], offset[q]));
    }
    return _mm512_min_epu8(pack(codes), high);
  }
};

/// What slope and offset say, or one more where the threshold after that is reached.
struct Near {
  const Panel &panel;

  explicit Near(const Panel &p) : panel(p) {}

  __m512i operator()(const std::int32_t *sums) const {
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), one = _mm512_set1_epi32(1);
    const __m512i last = _mm512_set1_epi32(int(panel.count) - 1);
    __m512i codes[kQuarters];
    for (unsigned q = 0; q < kQuarters; ++q) {
      const unsigned at = q * kLanes;
      const __m512i sum = _mm512_loadu_si512(sums + at);
      const __m512 line = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), _mm512_loadu_ps(panel.slope + at), _mm512_loadu_ps(panel.offset + at));
      const __m512i code = _mm512_max_epi32(_mm512_min_epi32(_mm512_cvtps_epi32(line), last), _mm512_setzero_si512());
      const __m512i index = _mm512_add_epi32(_mm512_slli_epi32(code, 6), lane);
      static_assert(kPanel == 1 << 6, "which is the shift");
      const __m512i level = _mm512_i32gather_epi32(index, panel.levels + at, sizeof *panel.levels);
      codes[q] = _mm512_mask_add_epi32(code, _mm512_cmple_epi32_mask(level, sum), code, one);
    }
    return pack(codes);
  }
};

/// Compares with every threshold, or bisects where there are many.
struct Levels {
  const Panel &panel;

  explicit Levels(const Panel &p) : panel(p) {}

  __m512i operator()(const std::int32_t *sums) const {
    __m512i codes[kQuarters];
    for (unsigned q = 0; q < kQuarters; ++q) {
      const std::int32_t *levels = panel.levels + q * kLanes;
      const __m512i sum = _mm512_loadu_si512(sums + q * kLanes), one = _mm512_set1_epi32(1);
      __m512i code = _mm512_setzero_si512();
      if (panel.count <= kFew) {
        for (unsigned i = 0; i < panel.count; ++i, levels += kPanel) {
          code = _mm512_mask_add_epi32(code, _mm512_cmple_epi32_mask(_mm512_loadu_si512(levels), sum), code, one);
        }
      } else {
        const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        for (unsigned step = (panel.count + 1) / 2; step > 0; step /= 2) {
          // Invariant: the first `code` thresholds are reached, and what follows are another 2*step - 1 candidates.
          const __m512i row = _mm512_add_epi32(code, _mm512_set1_epi32(int(step) - 1));
          const __m512i index = _mm512_add_epi32(_mm512_mullo_epi32(row, _mm512_set1_epi32(kPanel)), lane);
          const __m512i level = _mm512_i32gather_epi32(index, levels, sizeof *levels);
          code = _mm512_mask_add_epi32(code, _mm512_cmple_epi32_mask(level, sum), code, _mm512_set1_epi32(int(step)));
        }
      }
      codes[q] = code;
    }
    return pack(codes);
  }
};

template <class Count>
inline void finish_rows(const std::int32_t *sums, unsigned rows, unsigned columns, const Count &count, const Join &join, std::uint8_t *out,
                        std::size_t stride) {
  const __mmask64 mask = columns == kPanel ? ~__mmask64(0) : (__mmask64(1) << columns) - 1;
  const __m512i zero = _mm512_set1_epi8(char(join.zero)), high = _mm512_set1_epi8(char(join.high));
  for (unsigned r = 0; r < rows; ++r) {
    __m512i codes = count(sums + r * kPanel);
    if (join.bypass != nullptr) {
      const __m512i bypass = _mm512_maskz_loadu_epi8(mask, join.bypass + r * join.stride);
      // One of the two differences is zero, so that nothing needs more than 8 bits.
      codes = _mm512_adds_epu8(codes, _mm512_subs_epu8(bypass, zero));
      codes = _mm512_min_epu8(_mm512_subs_epu8(codes, _mm512_subs_epu8(zero, bypass)), high);
    }
    _mm512_mask_storeu_epi8(out + r * stride, mask, codes);
  }
}

inline void count_row(const std::int32_t *sums, const Panel &panel, std::uint8_t *codes) {
  if (panel.slope == nullptr) {
    _mm512_storeu_si512(codes, Levels(panel)(sums));
  } else {
    _mm512_storeu_si512(codes, panel.count > kFew ? Near(panel)(sums) : Affine(panel)(sums));
  }
}

inline void finish(const std::int32_t *sums, unsigned rows, unsigned columns, const Panel &panel, const Join &join, std::uint8_t *out,
                   std::size_t stride) {
  if (join.sum != nullptr) {
    finish_sum<count_row>(sums, rows, columns, panel, join, out, stride);
  } else if (panel.slope != nullptr && panel.count > kFew) {
    finish_rows(sums, rows, columns, Near(panel), join, out, stride);
  } else if (panel.slope != nullptr) {
    finish_rows(sums, rows, columns, Affine(panel), join, out, stride);
  } else {
    finish_rows(sums, rows, columns, Levels(panel), join, out, stride);
  }
}

/// Thresholds of 64 channels, or fewer, on a column of codes; kCount of them stay in registers, or any number in memory.
template <unsigned kCount>
inline void pass_column(const Entry &entry, const std::uint8_t *base, const std::uint8_t *above, std::size_t channels, __mmask64 mask,
                        const Geometry &g, const std::uint8_t *frames, std::size_t first, std::size_t count, std::uint8_t *rows,
                        std::size_t stride) {
  const unsigned levels = kCount > 0 ? kCount : entry.count;
  const __m512i start = _mm512_maskz_loadu_epi8(mask, base), one = _mm512_set1_epi8(1);
  __m512i kept[kCount > 0 ? kCount : 1];
  for (unsigned i = 0; i < kCount; ++i) kept[i] = _mm512_maskz_loadu_epi8(mask, above + i * channels);
  Cursor at(g, frames, first);
  for (std::size_t i = 0; i < count; ++i, at.next()) {
    const std::size_t pixel = std::size_t(at.y) * g.stride_y * g.width + std::size_t(at.x) * g.stride_x;
    const __m512i codes = _mm512_maskz_loadu_epi8(mask, at.frame + pixel * channels);
    __m512i result = start;
    for (unsigned l = 0; l < levels; ++l) {
      const __m512i level = kCount > 0 ? kept[kCount > 0 ? l : 0] : _mm512_maskz_loadu_epi8(mask, above + l * channels);
      result = _mm512_mask_add_epi8(result, _mm512_cmpgt_epu8_mask(codes, level), result, one);
    }
    _mm512_mask_storeu_epi8(rows + i * stride, mask, result);
  }
}

inline void gather_entry_columns(const Geometry &g, const Entry &entry, const std::uint8_t *frames, std::size_t first, std::size_t count,
                                 std::uint8_t *rows, std::size_t stride) {
  const std::size_t channels = std::size_t(g.channels);
  if (entry.table != nullptr) return gather_entry(g, entry, frames, first, count, rows, stride);
  for (std::size_t begin = 0; begin < channels; begin += kPanel) {
    const __mmask64 mask = channels - begin >= kPanel ? ~__mmask64(0) : (__mmask64(1) << (channels - begin)) - 1;
    const auto column = entry.count == 3 ? pass_column<3> : pass_column<0>;
    column(entry, entry.base + begin, entry.above + begin, channels, mask, g, frames + begin, first, count, rows + begin, stride);
  }
  if (channels == stride) return;
  for (std::size_t i = 0; i < count; ++i) std::memset(rows + i * stride + channels, 0, stride - channels);
}
