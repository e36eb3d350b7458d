// Thresholds as the kernels want them.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels.h"

namespace resflow {

/// Thresholds of a convolution, panel by panel.
class Levels {
 public:
  /// `levels` is [channels][count], ascending; the sums of a channel are within `low` and `high`.
  Levels(const std::int32_t *levels, std::size_t channels, unsigned count, const std::vector<std::int32_t> &low,
         const std::vector<std::int32_t> &high);

  Panel panel(std::size_t index) const;

 private:
  unsigned count_;
  std::vector<std::int32_t> levels_;
  std::vector<float> slope_, offset_;
  std::vector<bool> affine_;  // for each panel
};

/// Thresholds on codes, for all channels.
class CodeLevels {
 public:
  CodeLevels(const std::int32_t *levels, std::size_t channels, unsigned count);

  Entry entry() const { return {base_.data(), above_.data(), count_}; }

 private:
  unsigned count_;
  std::vector<std::uint8_t> base_, above_;
};

}  // namespace resflow
