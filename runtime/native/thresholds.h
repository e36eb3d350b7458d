// Thresholds as the kernels want them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "kernels.h"
#include "plane.h"

namespace resflow {

/// How sums come: as they are, in 16 bits where they were looked up, or, where `room` is given, of weights that can be doubled that often for
/// each channel.
struct Origin {
  bool looked_up = false;
  std::vector<unsigned> room;
};

/// Thresholds of a convolution, or behind a join, panel by panel.
class Levels {
 public:
  /// `levels` is [channels][count], ascending; the sums of a channel are within `low` and `high`.
  Levels(const std::int32_t *levels, std::size_t channels, unsigned count, const std::vector<std::int32_t> &low,
         const std::vector<std::int32_t> &high, const Origin &origin = {});

  Panel panel(std::size_t index) const;
  /// How often weights have to be doubled, for each channel of all panels.
  const std::vector<unsigned> &scales() const { return scales_; }
  Way slowest() const { return *std::max_element(ways_.begin(), ways_.end()); }

 private:
  unsigned count_;
  std::vector<std::int32_t> levels_;
  std::vector<Way> ways_;  // of each panel
  std::vector<unsigned> doublings_, shifts_;
  std::vector<std::int32_t> factor_, fixed_offset_;
  std::vector<unsigned> scales_;
  std::vector<std::int16_t> scaled_offset_, scaled_factor_, scaled_shift_;
  std::vector<double> slope_, offset_;
  std::vector<float> single_slope_, single_offset_;
};

/// Thresholds on codes, for all channels.
class CodeLevels {
 public:
  CodeLevels(const std::int32_t *levels, std::size_t channels, unsigned count);

  Entry entry() const { return {base_.data(), above_.data(), count_, table_.empty() ? nullptr : table_.data()}; }

 private:
  unsigned count_;
  std::vector<std::uint8_t> base_, above_, table_;
};

/// The factors and thresholds of a join.
class SumLevels {
 public:
  /// `levels` are those of sums that all fit into 32 bits, or `wide` those of sums that do not, [channels][count].
  SumLevels(std::vector<std::int32_t> main, std::vector<std::int32_t> bypass, unsigned count, std::optional<Levels> levels,
            std::vector<std::int64_t> wide, std::optional<Planes> planes);

  Sum panel(std::size_t index) const;
  bool has_planes() const { return planes_.has_value(); }

 private:
  unsigned count_;
  std::vector<std::int32_t> main_, bypass_;  // filled up to whole panels
  std::optional<Levels> levels_;
  std::vector<std::int64_t> wide_;
  std::optional<Planes> planes_;
};

}  // namespace resflow
