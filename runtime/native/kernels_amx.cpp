// The AMX path: tdpbusd multiplies 16 rows of 64 codes by a tile of 64x16 weights.
#include "kernels.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 11
#include <immintrin.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <type_traits>

// From here to the end of the file, so that nothing of the standard library is compiled for this instruction set alone.
#pragma GCC target("amx-tile,amx-int8,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,prefer-vector-width=512")

namespace resflow {
namespace {

#include "loops.inl"
#include "vectors_avx512.inl"

constexpr unsigned kTileRows = 16, kTileBytes = 64, kRows = 2 * kTileRows, kChunk = kTileBytes, kInterleave = 4, kSpeed = 1024;
// Columns that are multiplied together, whose weights lie together: half of each row of a panel would only reach half of the cache.
constexpr unsigned kColumns = 2 * kLanes;
constexpr std::size_t kQuadBytes = kColumns * kInterleave;         // from row to row of a tile of weights
constexpr std::size_t kChunkBytes = kColumns * kChunk;             // of a chunk of these columns
constexpr std::size_t kSumStride = kPanel * sizeof(std::int32_t);  // from row to row of a tile of sums

/// What ldtilecfg reads (Intel SDM, volume 1, "Tile configuration").
struct alignas(64) TileConfig {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t column_bytes[16] = {};
  std::uint8_t rows[16] = {};

  TileConfig() {
    std::fill(column_bytes, column_bytes + 8, std::uint16_t(kTileBytes));
    std::fill(rows, rows + 8, std::uint8_t(kTileRows));
  }
};

void enter() {
  const TileConfig config;
  asm volatile("" : : "r"(&config) : "memory");  // the intrinsic lets the compiler believe that it reads 8 bytes
  _tile_loadconfig(&config);
}

void leave() { _tile_release(); }

// The intrinsics take the numbers of tiles as literals: 0-3 are sums, 4 and 5 codes, 6 and 7 weights.

template <bool kWide>
inline void multiply_quad() {
  if constexpr (kWide) {
    _tile_dpbuud(0, 4, 6); _tile_dpbuud(1, 4, 7); _tile_dpbuud(2, 5, 6); _tile_dpbuud(3, 5, 7);
  } else {
    _tile_dpbusd(0, 4, 6); _tile_dpbusd(1, 4, 7); _tile_dpbusd(2, 5, 6); _tile_dpbusd(3, 5, 7);
  }
}

inline void store_sums(std::int32_t *left, std::int32_t *right, std::int32_t *left_below, std::int32_t *right_below) {
  _tile_stored(0, left, kSumStride);
  _tile_stored(1, right, kSumStride);
  _tile_stored(2, left_below, kSumStride);
  _tile_stored(3, right_below, kSumStride);
}

/// 32 rows and half a panel: two tiles by two, so that a load goes with every multiplication.
template <bool kWide>
inline void multiply_half(const Rows &rows, const std::int8_t *weights, std::int32_t *sums) {
  _tile_zero(0); _tile_zero(1); _tile_zero(2); _tile_zero(3);
  const std::uint8_t *line = rows.codes;
  for (std::size_t l = 0; l < rows.lines; ++l, line += rows.line_stride) {
    const std::uint8_t *codes = line, *below = line + kTileRows * rows.stride;
    for (std::size_t chunk = 0; chunk < rows.chunks; ++chunk, codes += kChunk, below += kChunk, weights += kChunkBytes) {
      _tile_loadd(4, codes, rows.stride);
      _tile_loadd(6, weights, kQuadBytes);
      _tile_loadd(7, weights + kTileBytes, kQuadBytes);
      _tile_loadd(5, below, rows.stride);
      multiply_quad<kWide>();
    }
  }
  store_sums(sums, sums + kLanes, sums + kTileRows * kPanel, sums + kTileRows * kPanel + kLanes);
}

/// 16 rows and the whole panel.
template <bool kWide>
inline void multiply_flat(const Rows &rows, const std::int8_t *weights, const std::int8_t *right, std::int32_t *sums) {
  _tile_zero(0); _tile_zero(1); _tile_zero(2); _tile_zero(3);
  const std::uint8_t *line = rows.codes;
  for (std::size_t l = 0; l < rows.lines; ++l, line += rows.line_stride) {
    const std::uint8_t *codes = line;
    for (std::size_t chunk = 0; chunk < rows.chunks; ++chunk, codes += kChunk, weights += kChunkBytes, right += kChunkBytes) {
      _tile_loadd(4, codes, rows.stride);
      _tile_loadd(6, weights, kQuadBytes);
      _tile_loadd(7, weights + kTileBytes, kQuadBytes);
      if constexpr (kWide) {
        _tile_dpbuud(0, 4, 6); _tile_dpbuud(1, 4, 7);
      } else {
        _tile_dpbusd(0, 4, 6); _tile_dpbusd(1, 4, 7);
      }
      _tile_loadd(5, right, kQuadBytes);
      _tile_loadd(6, right + kTileBytes, kQuadBytes);
      if constexpr (kWide) {
        _tile_dpbuud(2, 4, 5); _tile_dpbuud(3, 4, 6);
      } else {
        _tile_dpbusd(2, 4, 5); _tile_dpbusd(3, 4, 6);
      }
    }
  }
  store_sums(sums, sums + kLanes, sums + 2 * kLanes, sums + 3 * kLanes);
}

template <bool kWide>
void multiply(const Rows &rows, unsigned count, const std::int8_t *panel, std::int32_t *sums) {
  const std::int8_t *right = panel + rows.lines * rows.chunks * kChunkBytes;
  if (count <= kTileRows) return multiply_flat<kWide>(rows, panel, right, sums);
  multiply_half<kWide>(rows, panel, sums);
  multiply_half<kWide>(rows, right, sums + 2 * kLanes);
}

/// As many pixels at a time as fit into 16 bytes, and into a register when they are stacked: a shuffle moves bytes within 128 bits only,
/// each of which therefore gets all of them. kStacked is how many are stacked, or 0 for any number.
template <unsigned kStacked>
inline void stack_rows(const std::uint8_t *const *rows, std::size_t pixels, std::size_t channels, std::size_t stacked, std::uint8_t *out) {
  constexpr std::uint8_t kNothing = 0x80;  // which a shuffle makes zero
  const std::size_t count = kStacked > 0 ? kStacked : stacked, pixel_bytes = channels * count;
  const std::size_t together = std::min(sizeof(__m128i) / channels, sizeof(__m512i) / pixel_bytes);
  __m512i order[kStacked > 0 ? kStacked : kStackedBytes];
  for (std::size_t i = 0; i < count; ++i) {
    std::uint8_t from[sizeof(__m512i)];
    std::fill(std::begin(from), std::end(from), kNothing);
    for (std::size_t p = 0; p < together; ++p) {
      for (std::size_t c = 0; c < channels; ++c) from[p * pixel_bytes + i * channels + c] = std::uint8_t(p * channels + c);
    }
    order[i] = _mm512_loadu_si512(from);
  }
  const auto stack_some = [&](std::size_t x, const auto &load) {
    __m512i all = _mm512_setzero_si512();
    for (std::size_t i = 0; i < count; ++i) {
      const __m128i some = load(reinterpret_cast<const __m128i *>(rows[i] + x * channels));
      all = _mm512_or_si512(all, _mm512_shuffle_epi8(_mm512_broadcast_i32x4(some), order[i]));
    }
    return all;
  };
  // Whole registers are read and written as long as there is room; what is too much is written over by the next.
  std::size_t x = 0;
  for (; (pixels - x) * channels >= sizeof(__m128i) && (pixels - x) * pixel_bytes >= sizeof(__m512i); x += together) {
    _mm512_storeu_si512(out + x * pixel_bytes, stack_some(x, _mm_loadu_si128));
  }
  for (; x < pixels; x += together) {
    const __mmask16 read = __mmask16(lower_bits(std::min((pixels - x) * channels, sizeof(__m128i))));
    const auto load = [read](const __m128i *from) { return _mm_maskz_loadu_epi8(read, from); };
    _mm512_mask_storeu_epi8(out + x * pixel_bytes, lower_bits((pixels - x) * pixel_bytes), stack_some(x, load));
  }
}

void stack(const std::uint8_t *const *rows, std::size_t pixels, std::size_t channels, std::size_t stacked, std::uint8_t *out) {
  const auto stack_any = stacked == 3 ? stack_rows<3> : stack_rows<0>;  // 3 for windows of 7x7x3
  stack_any(rows, pixels, channels, stacked, out);
}

double burn(std::size_t iterations) {
  enter();
  _tile_zero(0); _tile_zero(1); _tile_zero(2); _tile_zero(3); _tile_zero(4); _tile_zero(5); _tile_zero(6); _tile_zero(7);
  for (std::size_t i = 0; i < iterations; ++i) multiply_quad<false>();
  leave();
  return double(iterations) * 4 * kTileRows * kTileBytes * kLanes;
}

constexpr Kernels kKernels = {
    "amx",
    kRows,
    kChunk,
    kColumns,
    kInterleave,
    kSpeed,
    true,
    multiply<false>,
    nullptr,
    multiply<true>,
    expand<kColumns>,
    finish,
    gather,
    gather_entry_columns,
    stack,
    pool_columns,
    accumulate,
    dense_together,
    enter,
    leave,
    burn,
};

}  // namespace

const Kernels *const kAmx = &kKernels;

}  // namespace resflow

#else
namespace resflow {
const Kernels *const kAmx = nullptr;
}
#endif
