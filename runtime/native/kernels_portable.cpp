// The portable path: plain C++ that any compiler vectorises for its baseline.
#include <algorithm>
#include <cstring>
#include <iterator>
#include <type_traits>

#include "kernels.h"

namespace resflow {
namespace {

#include "loops.inl"

constexpr unsigned kRows = 16, kChunk = kNarrow, kSpeed = 8;

/// Weight is int8_t or, for weights above 127, uint8_t; Part holds the sum of one chunk.
template <class Weight, class Part>
void multiply(const Rows &rows, unsigned count, const std::int8_t *panel, std::int32_t *sums) {
  for (unsigned r = 0; r < count; ++r) {
    std::int32_t total[kPanel] = {};
    const Weight *weights = reinterpret_cast<const Weight *>(panel);
    for (std::size_t line = 0; line < rows.lines; ++line) {
      const std::uint8_t *codes = rows.codes + r * rows.stride + line * rows.line_stride;
      for (std::size_t chunk = 0; chunk < rows.chunks; ++chunk) {
        Part part[kPanel] = {};
        for (unsigned k = 0; k < kChunk; ++k, ++codes, weights += kPanel) {
          const Part code = *codes;
          if (code == 0) continue;  // as most codes are
          for (unsigned c = 0; c < kPanel; ++c) part[c] = Part(part[c] + Part(code * weights[c]));
        }
        for (unsigned c = 0; c < kPanel; ++c) total[c] += part[c];
      }
    }
    std::copy(total, total + kPanel, sums + r * kPanel);
  }
}

void expand(const std::uint64_t *bits, std::size_t words, const std::int8_t *units, std::int8_t *bytes) {
  for (std::size_t w = 0; w < words; ++w) {
    for (unsigned i = 0; i < kPanel; ++i) bytes[w * kPanel + i] = std::int8_t((bits[w] >> i & 1) != 0 ? units[i] : -units[i]);
  }
}

void nothing() {}

double burn(std::size_t iterations) {
  alignas(64) std::int8_t panel[kChunk * kPanel];
  alignas(64) std::uint8_t codes[kRows * kChunk];
  alignas(64) std::int32_t sums[kRows * kPanel];
  std::fill(std::begin(panel), std::end(panel), std::int8_t(1));
  std::fill(std::begin(codes), std::end(codes), std::uint8_t(1));
  std::int32_t volatile sink = 0;
  for (std::size_t i = 0; i < iterations; ++i) {
    multiply<std::int8_t, std::int16_t>({codes, kChunk, 1, 0, 1}, kRows, panel, sums);
    sink = sums[i % (kRows * kPanel)];
  }
  (void)sink;
  return double(iterations) * kRows * kPanel * kChunk;
}

constexpr Kernels kKernels = {
    "portable",
    kRows,
    kChunk,
    kPanel,
    1,
    kSpeed,
    false,
    multiply<std::int8_t, std::int32_t>,
    multiply<std::int8_t, std::int16_t>,
    multiply<std::uint8_t, std::int32_t>,
    expand,
    finish<count_levels>,
    gather,
    gather_entry,
    nullptr,
    pool,
    accumulate,
    dense,
    nothing,
    nothing,
    burn,
};

}  // namespace

const Kernels *const kPortable = &kKernels;

}  // namespace resflow
