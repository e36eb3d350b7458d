#include "thresholds.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace resflow {
namespace {

/// Thresholds of one channel, and between which sums they matter.
struct Channel {
  const std::int32_t *levels;
  unsigned count;
  std::int32_t low, high;

  unsigned code(std::int64_t sum) const {
    unsigned code = 0;
    while (code < count && levels[code] <= sum) ++code;
    return code;
  }
};

struct Line {
  float slope = 0, offset = 0;

  // In single precision and in this order, as the kernels do.
  float operator()(std::int64_t sum) const { return std::nearbyint(std::fma(static_cast<float>(sum), slope, offset)); }
};

/// Whether the rounded line gives the code of every sum. Both sides are monotone in the sum, and the code changes at thresholds
/// only: where they agree on both sides of each threshold and at the ends, they agree everywhere.
bool equals(const Line &line, const Channel &channel) {
  constexpr float kLargest = 1 << 30;  // so that converting to an integer is safe
  const auto agrees = [&](std::int64_t sum) {
    const float value = line(sum);
    return std::abs(value) < kLargest && std::clamp(value, 0.0f, float(channel.count)) == float(channel.code(sum));
  };
  if (!(line.slope >= 0) || !agrees(channel.low) || !agrees(channel.high)) return false;
  for (unsigned i = 0; i < channel.count; ++i) {
    const std::int64_t level = channel.levels[i];
    if (channel.low < level && level <= channel.high && !(agrees(level - 1) && agrees(level))) return false;
  }
  return true;
}

/// The line that stays closest to thresholds begin ... end-1: half a sum below each, the code is to be between two numbers.
Line fit(const Channel &channel, unsigned begin, unsigned end) {
  const auto position = [&](unsigned i) { return double(channel.levels[i]) - 0.5; };
  double best = std::numeric_limits<double>::infinity(), step = 1, middle = end > begin ? position(begin) - step * begin : 0;
  // The best fit in the largest distance runs along two of the points.
  for (unsigned i = begin; i < end; ++i) {
    for (unsigned j = i + 1; j < end; ++j) {
      const double rise = (position(j) - position(i)) / (j - i);
      double low = std::numeric_limits<double>::infinity(), high = -low;
      for (unsigned k = begin; k < end; ++k) {
        const double rest = position(k) - rise * k;
        low = std::min(low, rest), high = std::max(high, rest);
      }
      if (high - low < best) best = high - low, step = rise, middle = (low + high) / 2;
    }
  }
  // position = step * i + middle is where code i becomes i + 1.
  return step > 0 ? Line{float(1 / step), float(0.5 - middle / step)} : Line{};
}

bool find_line(const Channel &channel, Line &line) {
  constexpr unsigned kMost = 15;  // the search is cubic
  constexpr std::int32_t kFar = 1 << 24;
  if (channel.count > kMost) return false;
  const auto *end = channel.levels + channel.count;
  const auto index = [&](std::int64_t sum) { return unsigned(std::upper_bound(channel.levels, end, sum) - channel.levels); };
  const unsigned first = index(channel.low), last = index(channel.high);
  line = first == last ? Line{0, float(first)} : fit(channel, first, last);
  if (equals(line, channel)) return true;
  // Thresholds out of reach say where the line would go on; those that stand for "never" say nothing.
  line = fit(channel, index(-kFar), index(kFar));
  return equals(line, channel);
}

}  // namespace

Levels::Levels(const std::int32_t *levels, std::size_t channels, unsigned count, const std::vector<std::int32_t> &low,
               const std::vector<std::int32_t> &high)
    : count_(count) {
  const std::size_t panels = (channels + kPanel - 1) / kPanel;
  levels_.assign(panels * count * kPanel, std::numeric_limits<std::int32_t>::max());
  slope_.assign(panels * kPanel, 0);
  offset_.assign(panels * kPanel, 0);
  affine_.assign(panels, true);
  for (std::size_t c = 0; c < channels; ++c) {
    const Channel channel{levels + c * count, count, low[c], high[c]};
    for (unsigned i = 0; i < count; ++i) levels_[(c / kPanel * count + i) * kPanel + c % kPanel] = channel.levels[i];
    Line line;
    if (affine_[c / kPanel] && !find_line(channel, line)) affine_[c / kPanel] = false;
    slope_[c] = line.slope, offset_[c] = line.offset;
  }
}

Panel Levels::panel(std::size_t index) const {
  const std::size_t at = index * kPanel;
  return {affine_[index] ? &slope_[at] : nullptr, &offset_[at], &levels_[at * count_], count_};
}

CodeLevels::CodeLevels(const std::int32_t *levels, std::size_t channels, unsigned count)
    : count_(count), base_(channels), above_(channels * count) {
  constexpr std::int32_t kNever = 255;  // no code is above it
  for (std::size_t c = 0; c < channels; ++c) {
    for (unsigned i = 0; i < count; ++i) {
      const std::int32_t level = levels[c * count + i];
      if (level <= 0) ++base_[c];
      above_[i * channels + c] = std::uint8_t(level <= 0 || level > kNever ? kNever : level - 1);
    }
  }
}

}  // namespace resflow
