// What the AVX-512 and AMX paths share: everything but the matrix product.

inline void expand(const std::uint64_t *bits, std::size_t words, std::int8_t *bytes) {
  const __m512i minus = _mm512_set1_epi8(-1), plus = _mm512_set1_epi8(1);
  for (std::size_t w = 0; w < words; ++w) {
    _mm512_storeu_si512(bytes + w * 64, _mm512_mask_blend_epi8(_cvtu64_mask64(bits[w]), minus, plus));
  }
}

constexpr unsigned kLanes = 16, kQuarters = kPanel / kLanes;

/// Stores through a mask take long on some processors, and are seldom needed.
inline void store_some(std::uint8_t *out, __mmask64 mask, __m512i bytes) {
  if (mask == ~__mmask64(0)) {
    _mm512_storeu_si512(out, bytes);
  } else {
    _mm512_mask_storeu_epi8(out, mask, bytes);
  }
}

inline __mmask64 lower_bits(std::size_t count) { return count >= kPanel ? ~__mmask64(0) : (__mmask64(1) << count) - 1; }

/// Packing and unpacking work on each 128 bits for themselves: bytes from raster order to the order these expect, and back.
inline __m512i spread(__m512i bytes) {
  return _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), bytes);
}

/// Four vectors of codes in 32 bits, clamped to 0 ... 255 and joined, in that order.
inline __m512i pack(const __m512i (&codes)[kQuarters]) {
  return _mm512_packus_epi16(_mm512_packs_epi32(codes[0], codes[1]), _mm512_packs_epi32(codes[2], codes[3]));
}

/// Codes of steps that come as numbers of steps.
inline __m512i steps(__m512i codes, unsigned doublings, __m512i high) {
  for (unsigned i = 0; i < doublings; ++i) codes = _mm512_adds_epu8(codes, codes);
  return _mm512_min_epu8(codes, high);
}

/// A row of sums of 32 bits, a quarter of its columns at a time.
struct WideRow {
  const std::int32_t *sums;

  __m512i quarter(unsigned q) const { return _mm512_loadu_si512(sums + q * kLanes); }
};

/// A row of sums of 16 bits, as `Sums` has them.
struct NarrowRow {
  const std::uint16_t *sums;

  __m512i second() const { return _mm512_loadu_si512(sums + kPanel / 2); }
  __m512i first() const { return _mm512_sub_epi16(_mm512_loadu_si512(sums), _mm512_slli_epi16(second(), 8)); }

  __m512i quarter(unsigned q) const {
    const __m512i half = q < kQuarters / 2 ? first() : second(), zero = _mm512_setzero_si512();
    return q % 2 == 0 ? _mm512_unpacklo_epi16(half, zero) : _mm512_unpackhi_epi16(half, zero);
  }
};

// What follows makes such codes out of a row of sums.

/// Slopes and offsets of a panel, in registers for all its rows.
struct Affine {
  __m512 slope[kQuarters], offset[kQuarters];
  __m512i high;
  unsigned doublings;

  explicit Affine(const Panel &panel) : high(_mm512_set1_epi8(char(panel.count))), doublings(panel.doublings) {
    for (unsigned q = 0; q < kQuarters; ++q) {
      slope[q] = _mm512_loadu_ps(panel.slope + q * kLanes);
      offset[q] = _mm512_loadu_ps(panel.offset + q * kLanes);
    }
  }

  template <class Row>
  __m512i operator()(const Row &sums) const {
    __m512i codes[kQuarters];
    for (unsigned q = 0; q < kQuarters; ++q) {
      const __m512 sum = _mm512_cvtepi32_ps(sums.quarter(q));
      codes[q] = _mm512_cvtps_epi32(_mm512_fmadd_ps(sum, slope[q], offset[q]));
    }
    return steps(pack(codes), doublings, high);
  }
};

/// The same in double precision. Instructions that convert are slow: doubles of 2^52 and more have their units in the lower half, so that
/// an integer is put there and that much subtracted, and the other way round.
struct AffineDouble {
  struct Half {
    __m512d slope[kQuarters], offset[kQuarters];
  } even, odd;  // the first two of each four columns, and the others
  __m512i high;
  unsigned doublings;

  explicit AffineDouble(const Panel &panel) : high(_mm512_set1_epi8(char(panel.count))), doublings(panel.doublings) {
    const __m512i first = _mm512_setr_epi64(0, 1, 4, 5, 8, 9, 12, 13), second = _mm512_setr_epi64(2, 3, 6, 7, 10, 11, 14, 15);
    const auto split = [&](const double *all, __m512d &left, __m512d &right) {
      const __m512d a = _mm512_loadu_pd(all), b = _mm512_loadu_pd(all + kLanes / 2);
      left = _mm512_permutex2var_pd(a, first, b), right = _mm512_permutex2var_pd(a, second, b);
    };
    for (unsigned q = 0; q < kQuarters; ++q) {
      split(panel.double_slope + q * kLanes, even.slope[q], odd.slope[q]);
      split(panel.double_offset + q * kLanes, even.offset[q], odd.offset[q]);
    }
  }

  static __m512d rounded(const Half &half, unsigned q, __m512i raised) {
    const __m512d sum = _mm512_sub_pd(_mm512_castsi512_pd(raised), _mm512_set1_pd(0x1p52 + 0x1p31));
    return _mm512_add_pd(_mm512_fmadd_pd(sum, half.slope[q], half.offset[q]), _mm512_set1_pd(0x1.8p52));
  }

  template <class Row>
  __m512i operator()(const Row &sums) const {
    const __m512i sign = _mm512_set1_epi32(INT32_MIN), exponent = _mm512_set1_epi32(0x43300000);  // upper half of 2^52
    __m512i codes[kQuarters];
    for (unsigned q = 0; q < kQuarters; ++q) {
      const __m512i sum = _mm512_xor_si512(sums.quarter(q), sign);  // 2^31 more, without a sign
      const __m512d left = rounded(even, q, _mm512_unpacklo_epi32(sum, exponent));
      const __m512d right = rounded(odd, q, _mm512_unpackhi_epi32(sum, exponent));
      codes[q] = _mm512_castps_si512(_mm512_shuffle_ps(_mm512_castpd_ps(left), _mm512_castpd_ps(right), 0x88));
    }
    return steps(pack(codes), doublings, high);
  }
};

/// What slope and offset say, or one more where the threshold after that is reached.
struct Near {
  const Panel &panel;

  explicit Near(const Panel &p) : panel(p) {}

  template <class Row>
  __m512i operator()(const Row &sums) const {
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), one = _mm512_set1_epi32(1);
    const __m512i last = _mm512_set1_epi32(int(panel.count) - 1);
    __m512i codes[kQuarters];
    for (unsigned q = 0; q < kQuarters; ++q) {
      const unsigned at = q * kLanes;
      const __m512i sum = sums.quarter(q);
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

  template <class Row>
  __m512i operator()(const Row &sums) const {
    __m512i codes[kQuarters];
    for (unsigned q = 0; q < kQuarters; ++q) {
      const std::int32_t *levels = panel.levels + q * kLanes;
      const __m512i sum = sums.quarter(q), one = _mm512_set1_epi32(1);
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

/// Products of 16 bits.
struct Fixed {
  __m512i factor[kQuarters], offset[kQuarters], high, shift;

  explicit Fixed(const Panel &panel) : high(_mm512_set1_epi8(char(panel.count))), shift(_mm512_set1_epi16(short(panel.shift))) {
    for (unsigned q = 0; q < kQuarters; ++q) {
      factor[q] = _mm512_loadu_si512(panel.factor + q * kLanes);
      offset[q] = _mm512_loadu_si512(panel.fixed_offset + q * kLanes);
    }
  }

  /// Even words times the factors number q, odd ones times those after.
  __m512i half(__m512i words, unsigned q) const {
    const __m512i even = _mm512_dpwssd_epi32(offset[q], words, factor[q]), odd = _mm512_dpwssd_epi32(offset[q + 1], words, factor[q + 1]);
    return _mm512_srav_epi16(_mm512_mask_blend_epi16(0xaaaaaaaa, _mm512_srli_epi32(even, 16), odd), shift);
  }

  __m512i operator()(const NarrowRow &sums) const {
    return _mm512_min_epu8(_mm512_packus_epi16(half(sums.first(), 0), half(sums.second(), 2)), high);
  }
};

/// Calls `work` with what counts the thresholds of a panel.
template <class Work>
inline void with_counter(const Panel &panel, const Work &work) {
  switch (panel.way) {
    case Way::kFixed: return;  // not of sums of 32 bits
    case Way::kLine: return work(Affine(panel));
    case Way::kDouble: return work(AffineDouble(panel));
    case Way::kNear: return work(Near(panel));
    case Way::kLevels: return work(Levels(panel));
  }
}

inline void count_row(const std::int32_t *sums, const Panel &panel, std::uint8_t *codes) {
  with_counter(panel, [&](const auto &count) { _mm512_storeu_si512(codes, spread(count(WideRow{sums}))); });
}

/// Codes as they are counted.
struct Plain {
  __m512i operator()(__m512i packed, unsigned) const { return spread(packed); }
};

/// Codes of the bypass added and clipped.
struct Clip {
  const std::uint8_t *bypass;
  std::size_t stride;
  __mmask64 mask;
  __m512i zero, high;

  Clip(const Join &join, __mmask64 m)
      : bypass(join.bypass), stride(join.stride), mask(m), zero(_mm512_set1_epi8(char(join.zero))), high(_mm512_set1_epi8(char(join.high))) {}

  __m512i operator()(__m512i packed, unsigned row) const {
    const __m512i other = _mm512_maskz_loadu_epi8(mask, bypass + row * stride);
    // One of the two differences is zero, so that nothing needs more than 8 bits.
    const __m512i codes = _mm512_adds_epu8(spread(packed), _mm512_subs_epu8(other, zero));
    return _mm512_min_epu8(_mm512_subs_epu8(codes, _mm512_subs_epu8(zero, other)), high);
  }
};

/// The codes of both branches through a plane for each vector of columns, or one for all.
template <unsigned kPlanes>
struct Meet {
  const Join &join;
  __mmask64 mask;
  __m512i coarse[kPlanes], fine[kPlanes], coarse_offset[kPlanes], fine_offset[kPlanes], shift[kPlanes], high;

  Meet(const Join &j, __mmask64 m) : join(j), mask(m), high(_mm512_set1_epi8(char(j.sum->panel.count))) {
    const Plane &plane = j.sum->plane;
    for (unsigned p = 0; p < kPlanes; ++p) {
      const auto of = [p](const std::int32_t *all) { return _mm512_loadu_si512(all + p * kLanes); };
      coarse[p] = of(plane.coarse), fine[p] = of(plane.fine), shift[p] = of(plane.shift);
      coarse_offset[p] = of(plane.coarse_offset), fine_offset[p] = of(plane.fine_offset);
    }
  }

  __m512i operator()(__m512i main, unsigned row) const {
    const __m512i nothing = _mm512_setzero_si512(), bypass = spread(_mm512_maskz_loadu_epi8(mask, join.bypass + row * join.stride));
    const __m512i front = _mm512_unpacklo_epi8(main, bypass), back = _mm512_unpackhi_epi8(main, bypass);
    // In 16 bits, a code of each branch side by side.
    const __m512i pairs[kQuarters] = {_mm512_unpacklo_epi8(front, nothing), _mm512_unpackhi_epi8(front, nothing),
                                      _mm512_unpacklo_epi8(back, nothing), _mm512_unpackhi_epi8(back, nothing)};
    __m512i values[kQuarters];
    for (unsigned q = 0; q < kQuarters; ++q) {
      const unsigned p = q % kPlanes;
      const __m512i below = _mm512_srai_epi32(_mm512_dpwssd_epi32(fine_offset[p], pairs[q], fine[p]), 16);
      values[q] = _mm512_srav_epi32(_mm512_add_epi32(_mm512_dpwssd_epi32(coarse_offset[p], pairs[q], coarse[p]), below), shift[p]);
    }
    return spread(_mm512_min_epu8(pack(values), high));
  }
};

/// Rows of either kind of sums, counted by `count`, met with the bypass by `meet`, and written.
template <class Row, class Number, class Count, class Meeting>
inline void finish_rows(const Number *sums, unsigned rows, const Count &count, const Meeting &meet, __mmask64 mask, std::uint8_t *out,
                        std::size_t stride) {
  for (unsigned r = 0; r < rows; ++r, sums += kPanel, out += stride) store_some(out, mask, meet(count(Row{sums}), r));
}

inline void finish(const Sums &sums, unsigned rows, unsigned columns, const Panel &panel, const Join &join, std::uint8_t *out,
                   std::size_t stride) {
  if (join.sum != nullptr && !join.sum->plane) return finish_sum<count_row>(sums.wide, rows, columns, panel, join, out, stride);
  const __mmask64 mask = lower_bits(columns);
  if (sums.wide == nullptr) {
    const auto all = [&](const auto &count) {
      if (join.bypass == nullptr) return finish_rows<NarrowRow>(sums.narrow, rows, count, Plain{}, mask, out, stride);
      finish_rows<NarrowRow>(sums.narrow, rows, count, Clip(join, mask), mask, out, stride);
    };
    return panel.way == Way::kFixed ? all(Fixed(panel)) : with_counter(panel, all);
  }
  with_counter(panel, [&](const auto &count) {
    const auto all = [&](const auto &meet) { finish_rows<WideRow>(sums.wide, rows, count, meet, mask, out, stride); };
    if (join.sum != nullptr) return join.sum->plane.is_one ? all(Meet<1>(join, mask)) : all(Meet<kQuarters>(join, mask));
    join.bypass == nullptr ? all(Plain{}) : all(Clip(join, mask));
  });
}

/// A pixel's codes through thresholds: kCount of them for each channel, or any number.
template <unsigned kCount>
inline void pass_pixel(const Entry &entry, const std::uint8_t *codes, std::size_t channels, std::uint8_t *out) {
  const unsigned levels = kCount > 0 ? kCount : entry.count;
  const __m512i one = _mm512_set1_epi8(1);
  const auto some = [&](std::size_t begin, __mmask64 mask) {
    const __m512i found = _mm512_maskz_loadu_epi8(mask, codes + begin);
    __m512i result = _mm512_maskz_loadu_epi8(mask, entry.base + begin);
    for (unsigned l = 0; l < levels; ++l) {
      const __m512i above = _mm512_maskz_loadu_epi8(mask, entry.above + l * channels + begin);
      result = _mm512_mask_add_epi8(result, _mm512_cmpgt_epu8_mask(found, above), result, one);
    }
    store_some(out + begin, mask, result);
  };
  std::size_t begin = 0;
  for (; begin + kPanel <= channels; begin += kPanel) some(begin, ~__mmask64(0));
  if (begin < channels) some(begin, lower_bits(channels - begin));
}

inline void gather_entry_pixels(const Geometry &g, const Entry &entry, const std::uint8_t *frames, std::size_t first, std::size_t count,
                                std::uint8_t *rows, std::size_t stride) {
  if (entry.table != nullptr) return gather_entry(g, entry, frames, first, count, rows, stride);
  const std::size_t channels = std::size_t(g.channels);
  const auto pass = entry.count == 3 ? pass_pixel<3> : pass_pixel<0>;
  Cursor at(g, frames, first);
  for (std::size_t i = 0; i < count; ++i, at.next(), rows += stride) {
    const std::size_t pixel = std::size_t(at.y) * g.stride_y * g.width + std::size_t(at.x) * g.stride_x;
    pass(entry, at.frame + pixel * channels, channels, rows);
    if (channels < stride) std::memset(rows + channels, 0, stride - channels);
  }
}

/// The largest code under each window, 64 channels at a time.
inline void pool_columns(const Geometry &g, const std::uint8_t *frames, std::size_t first, std::size_t count, std::uint8_t *out) {
  const std::size_t channels = std::size_t(g.channels), row_bytes = std::size_t(g.width) * channels;
  Cursor at(g, frames, first);
  for (std::size_t i = 0; i < count; ++i, at.next(), out += channels) {
    const int top = at.y * g.stride_y - g.before_y, left = at.x * g.stride_x - g.before_x;
    const int y = std::max(0, top), x = std::max(0, left), end = std::min(g.width, left + g.kernel_x);
    const std::uint8_t *corner = at.frame + std::size_t(y) * row_bytes + std::size_t(x) * channels;
    for (std::size_t begin = 0; begin < channels; begin += kPanel) {
      const __mmask64 mask = lower_bits(channels - begin);
      __m512i largest = _mm512_setzero_si512();  // what pads the image, and never wins
      const std::uint8_t *row = corner + begin;
      for (int v = y; v < std::min(g.height, top + g.kernel_y); ++v, row += row_bytes) {
        for (int u = x; u < end; ++u) {
          largest = _mm512_max_epu8(largest, _mm512_maskz_loadu_epi8(mask, row + std::size_t(u - x) * channels));
        }
      }
      store_some(out + begin, mask, largest);
    }
  }
}
