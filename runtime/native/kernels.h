// What one instruction set brings to the emulator: a table of functions, one table for each path.
//
// A layer is a matrix product: rows are output pixels, columns output channels, and what is summed over are the inputs under the
// window in the order (kernel_y, kernel_x, channel). Weights are cut into panels of 64 columns. Sums of a few rows and one panel are
// computed at a time, and turned into codes while they are in the first level cache.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace resflow {

constexpr unsigned kPanel = 64;    // columns of a panel
constexpr unsigned kMostRows = 32; // of sums at a time, on any path
constexpr unsigned kNarrow = 64;   // products added up in 16 bits, where they fit
constexpr unsigned kFew = 15;      // so many thresholds are compared with one by one

// Tiles and panels are loaded in whole, whatever is left of the rows: this many rows after the last one must be readable.
constexpr unsigned kSlackRows = kMostRows;

/// How codes of a panel are found, fastest first; all were shown to give the same.
enum class Way : std::uint8_t {
  kScaled,  // code = clamp(((sum + offset) * factor) >> (16 + shift)), sum and sum + offset cut to 16 bits; of weights scaled for it
  kFixed,   // code = clamp((sum * factor + offset) >> (16 + shift)), for sums of 15 bits
  kLine,    // code = clamp(round(sum * slope + offset) * 2^doublings), half to even, in single precision
  kDouble,  // the same in double precision, as 8-bit codes mostly need it
  kNear,    // in single precision that is the code or one less, which one comparison then decides
  kLevels,  // comparisons with every threshold, or bisection
};

/// Thresholds of one panel; a code is the number of thresholds that are not above the sum. Without levels the sums stay as they are.
struct Panel {
  Way way;
  unsigned doublings;  // 0 but where codes come in steps of 2, or 4: behind two quantizers, the first of them the coarser
  const float *slope, *offset;                // [kPanel]
  const double *double_slope, *double_offset;  // [kPanel]
  const std::int32_t *levels;  // [count][kPanel], ascending down the columns
  unsigned count;              // 2^bits - 1, which is also the largest code
  // Of kFixed, in the order of `Sums`' words: [4][16], first the even words of the first half. Factors are in the half of 32 bits where
  // the word is.
  const std::int32_t *factor, *fixed_offset;
  unsigned shift;
  const std::int16_t *scaled_offset, *scaled_factor, *scaled_shift;  // of kScaled, in the order of `Sums`' words: [kPanel]
};

/// A join of two codes: code = clamp((coarse . codes + coarse_offset + ((fine . codes + fine_offset) >> 16)) >> shift), which multiplies
/// them by factors of 32 bits. Of each pair of 16-bit factors, the lower half is that of the main branch.
struct Plane {
  const std::int32_t *coarse, *fine;                        // [kPanel]
  const std::int32_t *coarse_offset, *fine_offset, *shift;  // [kPanel]
  bool is_one;                                              // for all channels the same

  explicit operator bool() const { return coarse != nullptr; }
};

/// A join with thresholds, for one panel: the code of main * (code or sum) + bypass * (code or sum) of the other branch.
struct Sum {
  const std::int32_t *main, *bypass;  // factors [kPanel]
  Panel panel;                        // of these sums, where they have 32 bits
  const std::int64_t *wide;           // [kPanel][panel.count] where they have more, else null
  Plane plane;                        // which gives the same, or none
};

/// Which word of a panel's 16-bit sums is that of a column: so packing words into bytes leaves all columns where packing 32 bits does.
constexpr std::size_t word_of(std::size_t column) { return column / 32 * 32 + column / 4 % 4 * 8 + column / 16 % 2 * 4 + column % 4; }

/// Rows of sums of one panel, in 32 bits or, where they were looked up, in 16. Of these the words of the first half have 256 times those of
/// the second on top, modulo 2^16.
struct Sums {
  const std::int32_t *wide;
  const std::uint16_t *narrow;

  Sums operator+(std::size_t row) const {
    return {wide == nullptr ? nullptr : wide + row * kPanel, narrow == nullptr ? nullptr : narrow + row * kPanel};
  }
};

/// Addition of the bypass: code = clamp(code + bypass - zero, 0, high), or what `sum` says.
struct Join {
  const std::uint8_t *bypass = nullptr;       // codes, first row and column of the sums at hand
  const std::int32_t *bypass_sums = nullptr;  // or sums
  std::size_t stride = 0;                     // from row to row
  std::uint8_t zero = 0, high = 0;
  const Sum *sum = nullptr;
};

/// Thresholds on codes: code = base + (number of `above` that are smaller); where there are many, by a table.
struct Entry {
  const std::uint8_t *base;   // [channels]
  const std::uint8_t *above;  // [count][channels], ascending down the columns
  unsigned count;
  const std::uint8_t *table;  // [channels][kCodes], or null
};
constexpr std::size_t kCodes = 256;

// Most bytes of a pixel that may be stacked, and of those that are.
constexpr int kStackedChannels = 16;
constexpr std::size_t kStackedBytes = 64;

/// A window that slides over frames of codes, (height, width, channels) each.
struct Geometry {
  int height, width, channels;
  int kernel_y, kernel_x, stride_y, stride_x, before_y, before_x;
  int out_height, out_width;
  const std::uint8_t *pad = nullptr;  // [kernel_x * channels] codes outside the image; null: zeros

  std::size_t in_bytes() const { return std::size_t(height) * width * channels; }
  std::size_t out_pixels() const { return std::size_t(out_height) * out_width; }
  std::size_t inputs() const { return std::size_t(kernel_y) * kernel_x * channels; }
};

/// Where rows of codes are. The codes of a row are `lines` pieces of `chunks` chunks each: one piece where rows were gathered or lie
/// as they should, one for each row of the kernel where windows are read out of the image itself, overlapping each other.
struct Rows {
  const std::uint8_t *codes;
  std::size_t stride;  // from row to row
  std::size_t lines, line_stride, chunks;
};

constexpr unsigned kLookupRows = 8;

/// Tables one after the other in each row, of which so many add up to no more than a byte.
struct Run {
  std::size_t offset;  // in bytes, from where the row starts
  unsigned tables;
};

/// Products of bipolar weights with codes of a few bits, added up by looking them up: for each few inputs of a pixel there is a table of
/// all sums they can make, which weights, as bits, are the index of. All output channels, and all windows over the pixel, read the same
/// table, so that it is made once. To keep sums unsigned, an input counts as its code where the weight is +1 (a set bit), and as
/// high - code where it is -1: by high * (number of weights -1) too much, which comes off where sums are compared with thresholds.
struct Lookup {
  const char *name;
  unsigned inputs;  // of a table, which has 2^inputs entries of a byte
  unsigned block;   // inputs of tables that are made together; what is missing of the last is filled up with zeros, for weights +1

  // Which input of its block the first of a table is; tables of a block lie in an order that is fast to make.
  unsigned (*first)(unsigned table);

  // tables[pixels][tables(channels)][1 << inputs] of codes[pixels][channels], `stride` bytes from pixel to pixel; no code is above `high`,
  // which is all ones.
  void (*make)(const std::uint8_t *codes, std::size_t stride, std::size_t pixels, std::size_t channels, unsigned high, std::uint8_t *tables);

  // What the panel's [tables][kPanel] indices find for each row in the tables of the runs, as `Sums` have it: in place of sums[count][kPanel]
  // if they are `fresh`, or else on top of them.
  void (*add)(const std::uint8_t *const *rows, unsigned count, const std::vector<Run> &runs, const std::uint8_t *panel, bool fresh,
              std::uint16_t *sums);

  // Looks up for a while in registers; the number of products. And, to compare it with, does the same with bit planes of codes of two bits,
  // whose ones in common with the weights' are counted.
  double (*burn)(std::size_t iterations);
  double (*burn_planes)(std::size_t iterations);

  std::size_t bytes() const { return std::size_t(1) << inputs; }
  std::size_t tables(std::size_t channels) const { return (channels + block - 1) / block * (block / inputs); }
};

struct Kernels {
  const char *name;
  unsigned rows;        // most rows of one call of multiply
  unsigned chunk;       // codes of a line are a multiple of this
  unsigned columns, interleave;  // a panel is [kPanel / columns][inputs / interleave][columns][interleave]
  unsigned speed;       // products a cycle, about
  bool scales;          // `finish` knows kScaled

  // sums[count][kPanel] = rows[count] * panel. Two variants that not all paths have: `narrow` for layers where kNarrow products never
  // add up to more than an int16 holds, `wide` for weights above 127, whose bytes are unsigned.
  using Multiply = void (*)(const Rows &rows, unsigned count, const std::int8_t *panel, std::int32_t *sums);
  Multiply multiply, narrow, wide;

  // Bipolar weights are kept as bits, one for +1, bit 0 first: bytes[64 * words] from bits[words], where units[columns * interleave] are the
  // bytes of +1.
  void (*expand)(const std::uint64_t *bits, std::size_t words, const std::int8_t *units, std::int8_t *bytes);

  // sums[rows][kPanel] to codes[rows][columns].
  void (*finish)(const Sums &sums, unsigned rows, unsigned columns, const Panel &panel, const Join &join, std::uint8_t *out,
                 std::size_t stride);

  // Windows number `first` and following, as rows of `stride` bytes, the end of each filled up with zeros.
  void (*gather)(const Geometry &geometry, const std::uint8_t *frames, std::size_t first, std::size_t count, std::uint8_t *rows,
                 std::size_t stride);
  // The same for 1x1 windows, through the thresholds of `entry`.
  void (*gather_entry)(const Geometry &geometry, const Entry &entry, const std::uint8_t *frames, std::size_t first, std::size_t count,
                       std::uint8_t *rows, std::size_t stride);
  // Rows of pixels, each followed by those of the other rows: out[pixels][stacked][channels] from rows[stacked][pixels][channels]. Null where
  // nothing is stacked.
  void (*stack)(const std::uint8_t *const *rows, std::size_t pixels, std::size_t channels, std::size_t stacked, std::uint8_t *out);
  // The largest code under each window.
  void (*pool)(const Geometry &geometry, const std::uint8_t *frames, std::size_t first, std::size_t count, std::uint8_t *out);
  // sums[channels] of max(code - zero, 0) over pixels.
  void (*accumulate)(const std::uint8_t *codes, std::size_t pixels, std::size_t channels, std::uint8_t zero, std::int32_t *sums);
  // scores[frames][rows] = sums[frames][inputs] * weights[rows][inputs], `stride` scores from frame to frame; `small` says that sums fit
  // into int16.
  void (*dense)(const std::int8_t *weights, std::size_t rows, std::size_t inputs, const std::int32_t *sums, std::size_t frames, bool small,
                std::int32_t *scores, std::size_t stride);

  // Around all of the above, in each thread.
  void (*enter)();
  void (*leave)();

  // Multiplies for a while out of registers; the number of products.
  double (*burn)(std::size_t iterations);
};

// The paths, best first; null where this build has none.
extern const Kernels *const kAmx;
extern const Kernels *const kAvx512;
extern const Kernels *const kAvx2;
extern const Kernels *const kPortable;

// Of AVX2; of AVX-512; and of AVX-512 VBMI.
extern const Lookup *const kLookupAvx2;
extern const Lookup *const kLookupAvx512;
extern const Lookup *const kLookupVbmi;

}  // namespace resflow
