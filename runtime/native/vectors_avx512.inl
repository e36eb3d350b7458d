// What the AVX-512 and AMX paths share: everything but the matrix product.

template <unsigned kColumns>
inline void expand(const std::uint64_t *bits, std::size_t words, const std::int8_t *units, std::int8_t *bytes) {
  constexpr std::size_t kAround = kColumns * 4 / sizeof(__m512i);  // vectors after which the columns come again
  __m512i plus[kAround], minus[kAround];
  for (std::size_t i = 0; i < kAround; ++i) {
    plus[i] = _mm512_loadu_si512(units + i * sizeof(__m512i)), minus[i] = _mm512_sub_epi8(_mm512_setzero_si512(), plus[i]);
  }
  for (std::size_t w = 0; w < words; w += kAround, bits += kAround, bytes += kAround * sizeof(__m512i)) {
    #pragma GCC unroll 4
    for (std::size_t i = 0; i < kAround; ++i) {
      _mm512_storeu_si512(bytes + i * sizeof(__m512i), _mm512_mask_blend_epi8(_cvtu64_mask64(bits[i]), minus[i], plus[i]));
    }
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

/// Products of 16 bits, of weights that were scaled for it.
struct Scaled {
  __m512i offset[2], factor[2], shift[2], high;

  explicit Scaled(const Panel &panel) : high(_mm512_set1_epi8(char(panel.count))) {
    for (unsigned h = 0; h < 2; ++h) {
      const auto of = [h](const std::int16_t *all) { return _mm512_loadu_si512(all + h * kPanel / 2); };
      offset[h] = of(panel.scaled_offset), factor[h] = of(panel.scaled_factor), shift[h] = of(panel.scaled_shift);
    }
  }

  template <class Row>
  __m512i operator()(const Row &sums) const {
    const auto half = [&](unsigned h) {
      const __m512i words = _mm512_packs_epi32(sums.quarter(2 * h), sums.quarter(2 * h + 1));
      return _mm512_srav_epi16(_mm512_mulhi_epi16(_mm512_adds_epi16(words, offset[h]), factor[h]), shift[h]);
    };
    return _mm512_min_epu8(_mm512_packus_epi16(half(0), half(1)), high);
  }
};

/// Products of 32 bits, of sums of 16.
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
    case Way::kScaled: return work(Scaled(panel));
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

/// Codes of the bypass added and clipped. Where the largest code and the zero point need no more than 8 bits, a sum that is cut to them is
/// clipped in any case.
template <bool kRoom>
struct Clip {
  const std::uint8_t *bypass;
  std::size_t stride;
  __mmask64 mask;
  __m512i zero, high;

  Clip(const Join &join, __mmask64 m)
      : bypass(join.bypass), stride(join.stride), mask(m), zero(_mm512_set1_epi8(char(join.zero))), high(_mm512_set1_epi8(char(join.high))) {}

  __m512i operator()(__m512i packed, unsigned row) const {
    const __m512i codes = spread(packed), other = _mm512_maskz_loadu_epi8(mask, bypass + row * stride);
    if (kRoom) return _mm512_min_epu8(_mm512_subs_epu8(_mm512_adds_epu8(codes, other), zero), high);
    // One of the two differences is zero, so that nothing needs more than 8 bits.
    const __m512i sum = _mm512_adds_epu8(codes, _mm512_subs_epu8(other, zero));
    return _mm512_min_epu8(_mm512_subs_epu8(sum, _mm512_subs_epu8(zero, other)), high);
  }
};

/// Calls `with` for what a join without thresholds does to codes.
template <class With>
inline void with_addition(const Join &join, __mmask64 mask, const With &with) {
  if (join.bypass == nullptr) return with(Plain{});
  if (join.high + join.zero <= UINT8_MAX) return with(Clip<true>(join, mask));
  with(Clip<false>(join, mask));
}

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
      with_addition(join, mask, [&](const auto &add) { finish_rows<NarrowRow>(sums.narrow, rows, count, add, mask, out, stride); });
    };
    return panel.way == Way::kFixed ? all(Fixed(panel)) : with_counter(panel, all);
  }
  with_counter(panel, [&](const auto &count) {
    const auto all = [&](const auto &meet) { finish_rows<WideRow>(sums.wide, rows, count, meet, mask, out, stride); };
    if (join.sum != nullptr) return join.sum->plane.is_one ? all(Meet<1>(join, mask)) : all(Meet<kQuarters>(join, mask));
    with_addition(join, mask, all);
  });
}

/// 64 channels through any number of thresholds.
struct AnyThresholds {
  static constexpr unsigned kPanels = 1;
  const Entry &entry;
  std::size_t channels, begin;
  __mmask64 mask;

  AnyThresholds(const Entry &e, std::size_t all, std::size_t first) : entry(e), channels(all), begin(first), mask(lower_bits(all - first)) {}

  __m512i operator()(__m512i codes, unsigned) const {
    __m512i count = _mm512_maskz_loadu_epi8(mask, entry.base + begin);
    for (unsigned l = 0; l < entry.count; ++l) {
      const __m512i above = _mm512_maskz_loadu_epi8(mask, entry.above + l * channels + begin);
      count = _mm512_mask_add_epi8(count, _mm512_cmpgt_epu8_mask(codes, above), count, _mm512_set1_epi8(1));
    }
    return count;
  }
};

/// Three thresholds in registers, of which the middle one decides with which of the others codes are compared.
template <unsigned kCount>
struct ThreeThresholds {
  static constexpr unsigned kPanels = kCount;
  __m512i base[kPanels], low[kPanels], middle[kPanels], high[kPanels];

  ThreeThresholds(const Entry &entry, std::size_t channels, std::size_t begin) {
    for (unsigned p = 0; p < kPanels; ++p, begin += kPanel) {
      const auto of = [&](const std::uint8_t *all) { return _mm512_maskz_loadu_epi8(lower_bits(channels - begin), all + begin); };
      base[p] = of(entry.base);
      low[p] = of(entry.above), middle[p] = of(entry.above + channels), high[p] = of(entry.above + 2 * channels);
    }
  }

  __m512i operator()(__m512i codes, unsigned p) const {
    const __mmask64 upper = _mm512_cmpgt_epu8_mask(codes, middle[p]);
    const __mmask64 odd = _mm512_cmpgt_epu8_mask(codes, _mm512_mask_blend_epi8(upper, low[p], high[p]));
    const __m512i count = _mm512_mask_add_epi8(base[p], upper, base[p], _mm512_set1_epi8(2));
    return _mm512_mask_add_epi8(count, odd, count, _mm512_set1_epi8(1));
  }
};

/// Channels of pixels from `begin` on, as many panels as Thresholds take; the last may be the rest.
template <class Thresholds>
inline void pass_channels(const Entry &entry, const std::uint8_t *const *pixels, std::size_t count, std::size_t channels, std::size_t begin,
                          std::uint8_t *rows, std::size_t stride) {
  const Thresholds thresholds(entry, channels, begin);
  const __mmask64 mask = lower_bits(channels - begin);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t *from = pixels[i] + begin;
    std::uint8_t *to = rows + i * stride + begin;
    #pragma GCC unroll 4
    for (unsigned p = 0; p < Thresholds::kPanels; ++p, from += kPanel, to += kPanel) {
      store_some(to, mask, thresholds(_mm512_maskz_loadu_epi8(mask, from), p));
    }
  }
}

inline void gather_entry_columns(const Geometry &g, const Entry &entry, const std::uint8_t *frames, std::size_t first, std::size_t count,
                                 std::uint8_t *rows, std::size_t stride) {
  if (entry.table != nullptr) return gather_entry(g, entry, frames, first, count, rows, stride);
  constexpr std::size_t kTogether = 32;  // pixels, which stay in the first level cache
  constexpr unsigned kMany = 4;          // panels whose thresholds stay in registers
  const std::size_t channels = std::size_t(g.channels);
  Cursor at(g, frames, first);
  for (std::size_t begin = 0; begin < count; begin += kTogether) {
    const std::size_t some = std::min(kTogether, count - begin);
    std::uint8_t *to = rows + begin * stride;
    const std::uint8_t *pixels[kTogether];
    for (std::size_t i = 0; i < some; ++i, at.next()) {
      pixels[i] = at.frame + (std::size_t(at.y) * g.stride_y * g.width + std::size_t(at.x) * g.stride_x) * channels;
      if (channels < stride) std::memset(to + i * stride + channels, 0, stride - channels);
    }
    std::size_t c = 0;
    if (entry.count == 3) {
      for (; c + kMany * kPanel <= channels; c += kMany * kPanel) {
        pass_channels<ThreeThresholds<kMany>>(entry, pixels, some, channels, c, to, stride);
      }
      for (; c < channels; c += kPanel) pass_channels<ThreeThresholds<1>>(entry, pixels, some, channels, c, to, stride);
    }
    for (; c < channels; c += kPanel) pass_channels<AnyThresholds>(entry, pixels, some, channels, c, to, stride);
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

/// Adds what `count` inputs, whose sums of each frame are narrow[kFrames][kDensePiece] with zeros behind them, bring to kRows scores.
template <unsigned kRows, unsigned kFrames>
inline void add_scores(const std::int8_t *weights, std::size_t inputs, std::size_t count, const std::int16_t *narrow, std::int32_t *scores,
                       std::size_t stride) {
  constexpr std::size_t kWords = 32;
  __m512i totals[kRows][kFrames];
  for (unsigned r = 0; r < kRows; ++r) {
    for (unsigned f = 0; f < kFrames; ++f) totals[r][f] = _mm512_setzero_si512();
  }
  const auto some = [&](std::size_t i, __mmask32 mask) {
    __m512i sums[kFrames];
    #pragma GCC unroll 4
    for (unsigned f = 0; f < kFrames; ++f) sums[f] = _mm512_loadu_si512(narrow + f * kDensePiece + i);
    #pragma GCC unroll 4
    for (unsigned r = 0; r < kRows; ++r) {
      _mm_prefetch(reinterpret_cast<const char *>(weights + (kRows + r) * inputs + i), _MM_HINT_T0);
      const __m512i row = _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(mask, weights + r * inputs + i));
      #pragma GCC unroll 4
      for (unsigned f = 0; f < kFrames; ++f) totals[r][f] = _mm512_dpwssd_epi32(totals[r][f], row, sums[f]);
    }
  };
  std::size_t i = 0;
  for (; i + kWords <= count; i += kWords) some(i, ~__mmask32(0));
  if (i < count) some(i, __mmask32(lower_bits(count - i)));
  for (unsigned r = 0; r < kRows; ++r) {
    for (unsigned f = 0; f < kFrames; ++f) scores[f * stride + r] += _mm512_reduce_add_epi32(totals[r][f]);
  }
}

template <unsigned kFrames>
inline void dense_frames(const std::int8_t *weights, std::size_t rows, std::size_t inputs, const std::int32_t *sums, std::int32_t *scores,
                         std::size_t stride) {
  constexpr unsigned kTogether = 4;
  for (unsigned f = 0; f < kFrames; ++f) std::fill_n(scores + f * stride, rows, 0);
  for (std::size_t begin = 0; begin < inputs; begin += kDensePiece) {
    const std::size_t count = std::min(kDensePiece, inputs - begin);
    std::int16_t narrow[kFrames][kDensePiece];
    for (unsigned f = 0; f < kFrames; ++f) {
      const std::int32_t *from = sums + f * inputs + begin;
      std::fill(std::copy(from, from + count, narrow[f]), narrow[f] + (count + 31) / 32 * 32, std::int16_t(0));
    }
    std::size_t r = 0;
    for (; r + kTogether <= rows; r += kTogether) {
      add_scores<kTogether, kFrames>(weights + r * inputs + begin, inputs, count, narrow[0], scores + r, stride);
    }
    for (; r < rows; ++r) add_scores<1, kFrames>(weights + r * inputs + begin, inputs, count, narrow[0], scores + r, stride);
  }
}

/// Several frames at a time, for which a row of weights is fetched once.
inline void dense_together(const std::int8_t *weights, std::size_t rows, std::size_t inputs, const std::int32_t *sums, std::size_t frames,
                           bool small, std::int32_t *scores, std::size_t stride) {
  if (!small) return dense(weights, rows, inputs, sums, frames, small, scores, stride);
  constexpr unsigned kTogether = 4;
  std::size_t f = 0;
  for (; f + kTogether <= frames; f += kTogether) {
    dense_frames<kTogether>(weights, rows, inputs, sums + f * inputs, scores + f * stride, stride);
  }
  for (; f < frames; ++f) dense_frames<1>(weights, rows, inputs, sums + f * inputs, scores + f * stride, stride);
}
