// Joins of two codes as one multiplication in fixed point.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "kernels.h"

namespace resflow {

/// What `Plane` points to, for all channels of whole panels.
struct Planes {
  explicit Planes(std::size_t channels) : coarse(channels), fine(channels), coarse_offset(channels), fine_offset(channels), shift(channels) {}

  std::vector<std::int32_t> coarse, fine, coarse_offset, fine_offset, shift;
  bool is_one = true;

  Plane panel(std::size_t index) const {
    const std::size_t at = index * kPanel;
    return {&coarse[at], &fine[at], &coarse_offset[at], &fine_offset[at], &shift[at], is_one};
  }
};

/// Planes that give the code of every pair of codes, up to `main_high` and `bypass_high`, if there are some: the number of levels, of
/// `count` for each channel, that are not above main * code + bypass * code of the other branch. Behind two quantizers it is a rounded sum
/// of products with real factors, which factors and levels in whole numbers follow without being even.
std::optional<Planes> find_planes(const std::int32_t *main, const std::int32_t *bypass, const std::int32_t *levels, std::size_t channels,
                                  unsigned count, unsigned main_high, unsigned bypass_high);

}  // namespace resflow
