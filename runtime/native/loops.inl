// Loops that any compiler turns into vectors. Included by each path after it has chosen its instruction set, into a namespace
// without a name, so that every path has its own copy and the linker cannot mix them up.

template <std::size_t kBytes>
inline void copy_block(std::uint8_t *to, const std::uint8_t *from) {
  std::memcpy(to, from, kBytes);  // of constant size: a vector or two
}

/// memcpy for a few to a few thousand bytes, without the call. The last block overlaps the one before.
inline void copy_bytes(std::uint8_t *to, const std::uint8_t *from, std::size_t count) {
  if (count >= 64) {
    for (std::size_t i = 0; i + 64 < count; i += 64) copy_block<64>(to + i, from + i);
    copy_block<64>(to + count - 64, from + count - 64);
  } else if (count >= 32) {
    copy_block<32>(to, from);
    copy_block<32>(to + count - 32, from + count - 32);
  } else if (count >= 16) {
    copy_block<16>(to, from);
    copy_block<16>(to + count - 16, from + count - 16);
  } else {
    for (std::size_t i = 0; i < count; ++i) to[i] = from[i];
  }
}

/// Follows windows in raster order from frame to frame.
struct Cursor {
  const Geometry &geometry;
  const std::uint8_t *frame;
  int y, x;

  Cursor(const Geometry &g, const std::uint8_t *frames, std::size_t first)
      : geometry(g),
        frame(frames + first / g.out_pixels() * g.in_bytes()),
        y(int(first % g.out_pixels() / g.out_width)),
        x(int(first % g.out_width)) {}

  void next() {
    if (++x < geometry.out_width) return;
    x = 0;
    if (++y < geometry.out_height) return;
    y = 0;
    frame += geometry.in_bytes();
  }
};

/// Codes outside the image, from the start of a pixel on.
inline void fill_pad(const Geometry &g, std::uint8_t *to, std::size_t count) {
  if (g.pad == nullptr) {
    std::memset(to, 0, count);
  } else {
    std::memcpy(to, g.pad, count);
  }
}

inline void gather(const Geometry &g, const std::uint8_t *frames, std::size_t first, std::size_t count, std::uint8_t *rows,
                   std::size_t stride) {
  const std::size_t inputs = g.inputs(), line = std::size_t(g.kernel_x) * g.channels;
  Cursor at(g, frames, first);
  for (std::size_t i = 0; i < count; ++i, at.next()) {
    std::uint8_t *row = rows + i * stride;
    const int top = at.y * g.stride_y - g.before_y, left = at.x * g.stride_x - g.before_x;
    const int from = std::max(0, -left), to = std::min(g.kernel_x, g.width - left);  // columns of the window inside the image
    for (int ky = 0; ky < g.kernel_y; ++ky, row += line) {
      const int y = top + ky;
      if (y < 0 || y >= g.height || from >= to) {
        fill_pad(g, row, line);
        continue;
      }
      const std::size_t begin = std::size_t(from) * g.channels, end = std::size_t(to) * g.channels;
      if (begin > 0) fill_pad(g, row, begin);
      copy_bytes(row + begin, at.frame + (std::size_t(y) * g.width + (left + from)) * g.channels, end - begin);
      if (end < line) fill_pad(g, row + end, line - end);
    }
    if (inputs < stride) std::memset(row, 0, stride - inputs);
  }
}

template <class Width>
inline void pass_entry_block(const Entry &entry, const std::uint8_t *codes, std::size_t channels, std::size_t begin, Width width,
                             std::uint8_t *out) {
  std::uint8_t found[kPanel], count[kPanel];
  for (std::size_t c = 0; c < width; ++c) found[c] = codes[begin + c], count[c] = entry.base[begin + c];
  for (unsigned i = 0; i < entry.count; ++i) {
    const std::uint8_t *above = entry.above + i * channels + begin;
    for (std::size_t c = 0; c < width; ++c) count[c] = std::uint8_t(count[c] + (found[c] > above[c]));
  }
  for (std::size_t c = 0; c < width; ++c) out[begin + c] = count[c];
}

inline void pass_entry(const Entry &entry, const std::uint8_t *codes, std::size_t channels, std::uint8_t *out) {
  if (entry.table != nullptr) {
    for (std::size_t c = 0; c < channels; ++c) out[c] = entry.table[c * kCodes + codes[c]];
    return;
  }
  std::size_t begin = 0;
  // A width known to the compiler makes of each block a vector or two.
  for (; begin + kPanel <= channels; begin += kPanel) {
    pass_entry_block(entry, codes, channels, begin, std::integral_constant<std::size_t, kPanel>{}, out);
  }
  if (begin < channels) pass_entry_block(entry, codes, channels, begin, channels - begin, out);
}

inline void gather_entry(const Geometry &g, const Entry &entry, const std::uint8_t *frames, std::size_t first, std::size_t count,
                         std::uint8_t *rows, std::size_t stride) {
  const std::size_t channels = std::size_t(g.channels);
  if (entry.table != nullptr && g.height == 1 && g.stride_x == 1 && channels == stride) {
    for (std::size_t c = 0; c < channels; ++c) {  // neighbours in one row: a table at a time
      const std::uint8_t *table = entry.table + c * kCodes, *codes = frames + first * channels + c;
      for (std::size_t i = 0; i < count; ++i) rows[i * channels + c] = table[codes[i * channels]];
    }
    return;
  }
  Cursor at(g, frames, first);
  for (std::size_t i = 0; i < count; ++i, at.next()) {
    std::uint8_t *row = rows + i * stride;
    const std::size_t pixel = std::size_t(at.y) * g.stride_y * g.width + std::size_t(at.x) * g.stride_x;
    pass_entry(entry, at.frame + pixel * channels, channels, row);
    if (channels < stride) std::memset(row + channels, 0, stride - channels);
  }
}

inline void pool(const Geometry &g, const std::uint8_t *frames, std::size_t first, std::size_t count, std::uint8_t *out) {
  const std::size_t channels = std::size_t(g.channels);
  Cursor at(g, frames, first);
  for (std::size_t i = 0; i < count; ++i, at.next()) {
    std::uint8_t *__restrict row = out + i * channels;
    const int top = at.y * g.stride_y - g.before_y, left = at.x * g.stride_x - g.before_x;
    std::memset(row, 0, channels);  // what pads the image, and never wins
    for (int y = std::max(0, top); y < std::min(g.height, top + g.kernel_y); ++y) {
      for (int x = std::max(0, left); x < std::min(g.width, left + g.kernel_x); ++x) {
        const std::uint8_t *__restrict codes = at.frame + (std::size_t(y) * g.width + x) * channels;
        for (std::size_t c = 0; c < channels; ++c) row[c] = std::max(row[c], codes[c]);
      }
    }
  }
}

inline void accumulate(const std::uint8_t *codes, std::size_t pixels, std::size_t channels, std::uint8_t zero, std::int32_t *sums) {
  constexpr std::size_t kTogether = 64;
  for (std::size_t begin = 0; begin < channels; begin += kTogether) {
    const std::size_t count = std::min(kTogether, channels - begin);
    std::int32_t total[kTogether] = {};
    for (std::size_t i = 0; i < pixels; ++i) {
      std::uint8_t row[kTogether] = {};
      copy_bytes(row, codes + i * channels + begin, count);
      for (std::size_t c = 0; c < kTogether; ++c) total[c] += std::max(row[c], zero) - zero;
    }
    std::copy(total, total + count, sums + begin);
  }
}

template <class Sum>
inline std::int32_t dot(const std::int8_t *__restrict weights, const Sum *__restrict sums, std::size_t count) {
  std::int32_t total = 0;
  for (std::size_t i = 0; i < count; ++i) total += sums[i] * Sum(weights[i]);
  return total;
}

constexpr std::size_t kDensePiece = 4096;  // inputs whose sums stay in the first level cache

inline void dense(const std::int8_t *weights, std::size_t rows, std::size_t inputs, const std::int32_t *sums, std::size_t frames, bool small,
                  std::int32_t *scores, std::size_t stride) {
  for (std::size_t f = 0; f < frames; ++f, sums += inputs, scores += stride) {
    std::fill_n(scores, rows, 0);
    for (std::size_t begin = 0; begin < inputs; begin += kDensePiece) {
      const std::size_t count = std::min(kDensePiece, inputs - begin);
      std::int16_t narrow[kDensePiece];
      if (small) std::copy(sums + begin, sums + begin + count, narrow);
      for (std::size_t r = 0; r < rows; ++r) {
        const std::int8_t *row = weights + r * inputs + begin;
        scores[r] += small ? dot(row, narrow, count) : dot(row, sums + begin, count);
      }
    }
  }
}

/// A row of sums of 16 bits, as `Sums` has them, in 32.
inline void widen(const std::uint16_t *__restrict narrow, std::int32_t *__restrict wide) {
  constexpr unsigned kHalf = kPanel / 2;
  for (unsigned c = 0; c < kPanel; ++c) {
    const std::size_t word = word_of(c);
    wide[c] = word < kHalf ? std::uint16_t(narrow[word] - (narrow[kHalf + word] << 8)) : narrow[word];
  }
}

/// Codes of one row of sums by comparing with every threshold, or by bisection where there are many.
inline void count_levels(const std::int32_t *__restrict sums, const Panel &panel, std::uint8_t *__restrict codes) {
  if (panel.count <= kFew) {
    std::int32_t counts[kPanel] = {};
    for (unsigned i = 0; i < panel.count; ++i) {
      const std::int32_t *__restrict level = panel.levels + std::size_t(i) * kPanel;
      for (unsigned c = 0; c < kPanel; ++c) counts[c] += level[c] <= sums[c];
    }
    for (unsigned c = 0; c < kPanel; ++c) codes[c] = std::uint8_t(counts[c]);
    return;
  }
  for (unsigned c = 0; c < kPanel; ++c) {
    unsigned code = 0;
    for (unsigned step = (panel.count + 1) / 2; step > 0; step /= 2) {
      // Invariant: the first `code` thresholds are reached, and what follows are another 2*step - 1 candidates.
      if (panel.levels[std::size_t(code + step - 1) * kPanel + c] <= sums[c]) code += step;
    }
    codes[c] = std::uint8_t(code);
  }
}

inline void add_bypass(std::uint8_t *__restrict codes, const std::uint8_t *__restrict bypass, std::uint8_t zero, std::uint8_t high) {
  std::int16_t sums[kPanel];
  // In steps that all compilers turn into vectors.
  for (unsigned c = 0; c < kPanel; ++c) sums[c] = std::int16_t(codes[c] + bypass[c] - zero);
  for (unsigned c = 0; c < kPanel; ++c) sums[c] = std::min<std::int16_t>(std::max<std::int16_t>(sums[c], 0), high);
  for (unsigned c = 0; c < kPanel; ++c) codes[c] = std::uint8_t(sums[c]);
}

/// Codes of one row of both branches through a plane.
inline void meet(const std::int32_t *__restrict main, const std::int32_t *__restrict bypass, const Plane &plane, unsigned high,
                 std::uint8_t *__restrict codes) {
  for (unsigned c = 0; c < kPanel; ++c) {
    const auto dot = [&](std::int32_t factors) { return std::int16_t(factors) * main[c] + (factors >> 16) * bypass[c]; };
    const std::int32_t fine = (dot(plane.fine[c]) + plane.fine_offset[c]) >> 16;
    const std::int32_t value = (dot(plane.coarse[c]) + plane.coarse_offset[c] + fine) >> plane.shift[c];
    codes[c] = std::uint8_t(std::clamp<std::int32_t>(value, 0, std::int32_t(high)));
  }
}

/// `finish` of a join with thresholds, around a function (sums, panel, codes) for one row.
template <void (*kCount)(const std::int32_t *, const Panel &, std::uint8_t *)>
inline void finish_sum(const std::int32_t *sums, unsigned rows, unsigned columns, const Panel &panel, const Join &join, std::uint8_t *out,
                       std::size_t stride) {
  const Sum &sum = *join.sum;
  for (unsigned r = 0; r < rows; ++r) {
    std::int32_t main[kPanel], bypass[kPanel] = {};
    std::uint8_t codes[kPanel] = {};
    if (panel.levels == nullptr) {
      std::copy(sums + r * kPanel, sums + (r + 1) * kPanel, main);
    } else {
      kCount(sums + r * kPanel, panel, codes);
      std::copy(codes, codes + kPanel, main);
    }
    if (join.bypass_sums != nullptr) {
      std::copy(join.bypass_sums + r * join.stride, join.bypass_sums + r * join.stride + columns, bypass);
    } else {
      std::uint8_t others[kPanel] = {};
      copy_bytes(others, join.bypass + r * join.stride, columns);
      std::copy(others, others + kPanel, bypass);
    }
    if (sum.plane) {
      meet(main, bypass, sum.plane, sum.panel.count, codes);
    } else if (sum.wide == nullptr) {
      std::int32_t values[kPanel];
      for (unsigned c = 0; c < kPanel; ++c) values[c] = main[c] * sum.main[c] + bypass[c] * sum.bypass[c];
      kCount(values, sum.panel, codes);
    } else {
      for (unsigned c = 0; c < columns; ++c) {
        const std::int64_t value = std::int64_t(main[c]) * sum.main[c] + std::int64_t(bypass[c]) * sum.bypass[c];
        const std::int64_t *levels = sum.wide + std::size_t(c) * sum.panel.count;
        codes[c] = std::uint8_t(std::upper_bound(levels, levels + sum.panel.count, value) - levels);
      }
    }
    copy_bytes(out + r * stride, codes, columns);
  }
}

/// Codes of one row of sums of 16 bits, by a function for one of 32.
template <void (*kCount)(const std::int32_t *, const Panel &, std::uint8_t *)>
inline void count_widened(const std::uint16_t *sums, const Panel &panel, std::uint8_t *codes) {
  std::int32_t wide[kPanel];
  widen(sums, wide);
  kCount(wide, panel, codes);
}

/// `finish` around functions (sums, panel, codes) for one row, of 32 bits and of 16.
template <void (*kCount)(const std::int32_t *, const Panel &, std::uint8_t *),
          void (*kCountNarrow)(const std::uint16_t *, const Panel &, std::uint8_t *) = count_widened<kCount>>
inline void finish(const Sums &sums, unsigned rows, unsigned columns, const Panel &panel, const Join &join, std::uint8_t *out,
                   std::size_t stride) {
  if (join.sum != nullptr) return finish_sum<kCount>(sums.wide, rows, columns, panel, join, out, stride);
  for (unsigned r = 0; r < rows; ++r) {
    std::uint8_t codes[kPanel], bypass[kPanel] = {};
    if (sums.wide != nullptr) {
      kCount(sums.wide + r * kPanel, panel, codes);
    } else {
      kCountNarrow(sums.narrow + r * kPanel, panel, codes);
    }
    if (join.bypass != nullptr) {
      copy_bytes(bypass, join.bypass + r * join.stride, columns);
      add_bypass(codes, bypass, join.zero, join.high);
    }
    copy_bytes(out + r * stride, codes, columns);
  }
}
