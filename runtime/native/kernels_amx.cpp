// The AMX path: tdpbusd multiplies 16 rows of 64 codes by a tile of 64x16 weights.
#include "kernels.h"

#if defined(__x86_64__) && defined(__GNUC__) && (defined(__clang__) || __GNUC__ >= 11)
#include <immintrin.h>

#include <algorithm>
#include <cstring>

// From here to the end of the file, so that nothing of the standard library is compiled for this instruction set alone.
#pragma GCC target("amx-tile,amx-int8,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,prefer-vector-width=512")

namespace resflow {
namespace {

#include "loops.inl"
#include "vectors_avx512.inl"

constexpr unsigned kTileRows = 16, kTileBytes = 64, kRows = 2 * kTileRows, kInterleave = 4;
constexpr std::size_t kQuadBytes = kPanel * kInterleave;         // from row to row of a tile of weights
constexpr std::size_t kChunkBytes = kPanel * kChunk;             // of a panel
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

/// 32 rows and half a panel: two tiles by two, so that a load goes with every multiplication.
template <bool kWide>
inline void multiply_half(const std::uint8_t *codes, std::size_t stride, const std::int8_t *weights, std::size_t chunks, std::int32_t *sums) {
  const std::uint8_t *below = codes + kTileRows * stride;
  _tile_zero(0); _tile_zero(1); _tile_zero(2); _tile_zero(3);
  for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
    _tile_loadd(4, codes + chunk * kChunk, stride);
    _tile_loadd(6, weights + chunk * kChunkBytes, kQuadBytes);
    _tile_loadd(7, weights + chunk * kChunkBytes + kTileBytes, kQuadBytes);
    _tile_loadd(5, below + chunk * kChunk, stride);
    multiply_quad<kWide>();
  }
  _tile_stored(0, sums, kSumStride);
  _tile_stored(1, sums + kLanes, kSumStride);
  _tile_stored(2, sums + kTileRows * kPanel, kSumStride);
  _tile_stored(3, sums + kTileRows * kPanel + kLanes, kSumStride);
}

/// 16 rows and the whole panel.
template <bool kWide>
inline void multiply_flat(const std::uint8_t *codes, std::size_t stride, const std::int8_t *weights, std::size_t chunks, std::int32_t *sums) {
  _tile_zero(0); _tile_zero(1); _tile_zero(2); _tile_zero(3);
  for (std::size_t chunk = 0; chunk < chunks; ++chunk, weights += kChunkBytes) {
    _tile_loadd(4, codes + chunk * kChunk, stride);
    _tile_loadd(6, weights, kQuadBytes);
    _tile_loadd(7, weights + kTileBytes, kQuadBytes);
    if constexpr (kWide) {
      _tile_dpbuud(0, 4, 6); _tile_dpbuud(1, 4, 7);
    } else {
      _tile_dpbusd(0, 4, 6); _tile_dpbusd(1, 4, 7);
    }
    _tile_loadd(6, weights + 2 * kTileBytes, kQuadBytes);
    _tile_loadd(7, weights + 3 * kTileBytes, kQuadBytes);
    if constexpr (kWide) {
      _tile_dpbuud(2, 4, 6); _tile_dpbuud(3, 4, 7);
    } else {
      _tile_dpbusd(2, 4, 6); _tile_dpbusd(3, 4, 7);
    }
  }
  _tile_stored(0, sums, kSumStride);
  _tile_stored(1, sums + kLanes, kSumStride);
  _tile_stored(2, sums + 2 * kLanes, kSumStride);
  _tile_stored(3, sums + 3 * kLanes, kSumStride);
}

template <bool kWide>
void multiply(const std::uint8_t *codes, std::size_t stride, unsigned rows, const std::int8_t *panel, std::size_t chunks,
              std::int32_t *sums) {
  if (rows <= kTileRows) return multiply_flat<kWide>(codes, stride, panel, chunks, sums);
  multiply_half<kWide>(codes, stride, panel, chunks, sums);
  multiply_half<kWide>(codes, stride, panel + 2 * kTileBytes, chunks, sums + 2 * kLanes);
}

double burn(std::size_t iterations) {
  enter();
  _tile_zero(0); _tile_zero(1); _tile_zero(2); _tile_zero(3); _tile_zero(4); _tile_zero(5); _tile_zero(6); _tile_zero(7);
  for (std::size_t i = 0; i < iterations; ++i) multiply_quad<false>();
  leave();
  return double(iterations) * 4 * kTileRows * kTileBytes * kLanes;
}

constexpr Kernels kKernels = {
    "amx",  kRows,        kInterleave, multiply<false>, nullptr, multiply<true>, expand, finish,
    gather, gather_entry, pool,        accumulate,      dense,   enter,          leave,  burn,
};

}  // namespace

const Kernels *const kAmx = &kKernels;

}  // namespace resflow

#else
namespace resflow {
const Kernels *const kAmx = nullptr;
}
#endif
