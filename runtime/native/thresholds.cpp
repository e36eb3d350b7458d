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
    return unsigned(std::upper_bound(levels, levels + count, sum) - levels);
  }
};

template <class Real>
struct Line {
  Real slope = 0, offset = 0;

  // In its precision and in this order, as the kernels do.
  Real operator()(std::int64_t sum) const { return std::nearbyint(std::fma(static_cast<Real>(sum), slope, offset)); }
};

/// Whether what the rounded line gives `fits` the code of every sum. Both sides are monotone in the sum, and the code changes at
/// thresholds only: what the line gives between two thresholds lies between what it gives at both, so that it is enough to look on both
/// sides of each threshold and at the ends.
template <class Real, class Fits>
bool fits_everywhere(const Line<Real> &line, const Channel &channel, const Fits &fits) {
  constexpr Real kLargest = 1 << 30;  // so that converting to an integer is safe
  const auto agrees = [&](std::int64_t sum, unsigned code) {
    const Real value = line(sum);
    return std::abs(value) < kLargest && fits(value, Real(code));
  };
  if (!(line.slope >= 0) || !agrees(channel.low, channel.code(channel.low)) || !agrees(channel.high, channel.code(channel.high))) return false;
  for (unsigned i = 0, end; i < channel.count; i = end) {
    const std::int64_t level = channel.levels[i];
    for (end = i + 1; end < channel.count && channel.levels[end] == level;) ++end;
    if (channel.low < level && level <= channel.high && !(agrees(level - 1, i) && agrees(level, end))) return false;
  }
  return true;
}

/// Whether the rounded line gives the code of every sum.
template <class Real>
bool equals(const Line<Real> &line, const Channel &channel) {
  const Real most = Real(channel.count);
  return fits_everywhere(line, channel, [most](Real value, Real code) { return std::clamp(value, Real(0), most) == code; });
}

/// Whether the rounded line gives the code of every sum or one less.
bool is_near(const Line<float> &line, const Channel &channel) {
  const float most = float(channel.count - 1);
  return fits_everywhere(line, channel, [most](float value, float code) {
    const float less = code - std::clamp(value, 0.0f, most);
    return less == 0 || less == 1;
  });
}

struct Point {
  double x, y;
};

/// Whether b is below the line from a to c, or on it.
bool below(const Point &a, const Point &b, const Point &c) { return (b.y - a.y) * (c.x - a.x) <= (c.y - a.y) * (b.x - a.x); }

/// Of points from left to right, those of the convex hull's upper side; `sign` -1: of the lower side, upside down.
std::vector<Point> hull(const Channel &channel, unsigned begin, unsigned end, int sign) {
  std::vector<Point> points;
  for (unsigned i = begin; i < end; ++i) {
    const Point point{double(i), sign * (double(channel.levels[i]) - 0.5)};
    while (points.size() > 1 && below(points[points.size() - 2], points.back(), point)) points.pop_back();
    points.push_back(point);
  }
  return points;
}

/// The line that stays closest to thresholds begin ... end-1: half a sum below each, the code is to be between two numbers.
Line<double> fit(const Channel &channel, unsigned begin, unsigned end) {
  if (end == begin) return {1, 0.5};
  const std::vector<Point> up = hull(channel, begin, end, 1), down = hull(channel, begin, end, -1);
  double best = std::numeric_limits<double>::infinity(), step = 1, middle = up.front().y - up.front().x;
  // The strip around all points that is lowest has a side of their hull on one of its edges, and a corner on the other.
  const auto along = [&](const std::vector<Point> &side, const std::vector<Point> &other, int sign) {
    std::size_t corner = other.size() - 1;
    for (std::size_t i = 0; i + 1 < side.size(); ++i) {
      const double rise = (side[i + 1].y - side[i].y) / (side[i + 1].x - side[i].x), top = side[i].y - rise * side[i].x;
      // How far the other side goes down from this edge: it falls, and then rises again, corner after corner.
      const auto rest = [&](std::size_t at) { return other[at].y + rise * other[at].x; };
      while (corner > 0 && rest(corner - 1) >= rest(corner)) --corner;
      while (corner + 1 < other.size() && rest(corner + 1) > rest(corner)) ++corner;
      const double height = top + rest(corner);
      if (height < best) best = height, step = sign * rise, middle = sign * (top - height / 2);
    }
  };
  along(up, down, 1);
  along(down, up, -1);
  // position = step * i + middle is where code i becomes i + 1.
  return step > 0 ? Line<double>{1 / step, 0.5 - middle / step} : Line<double>{};
}

/// A line that a channel's codes can be found with in one of the ways.
std::optional<Line<double>> find_line(const Channel &channel, Way way) {
  constexpr std::int32_t kFar = 1 << 24;
  const auto *end = channel.levels + channel.count;
  const auto index = [&](std::int64_t sum) { return unsigned(std::upper_bound(channel.levels, end, sum) - channel.levels); };
  const auto suits = [&](const Line<double> &line) {
    const Line<float> single{float(line.slope), float(line.offset)};
    return way == Way::kLine ? equals(single, channel) : way == Way::kDouble ? equals(line, channel) : is_near(single, channel);
  };
  const unsigned first = index(channel.low), last = index(channel.high);
  Line<double> line = first == last ? Line<double>{0, double(first)} : fit(channel, first, last);
  if (way == Way::kNear && first != last) line.offset -= 0.5;  // halfway between a code and the one below, so that it need not be exact
  if (suits(line)) return line;
  if (way == Way::kNear) return std::nullopt;
  // Thresholds out of reach say where the line would go on; those that stand for "never" say nothing.
  line = fit(channel, index(-kFar), index(kFar));
  return suits(line) ? std::optional(line) : std::nullopt;
}

/// code = clamp((factor * sum + offset) >> bits).
struct FixedLine {
  std::int64_t factor, offset;
};

/// One that gives a channel's codes with this factor, and for no sum needs more than 32 bits. What is multiplied only rises, so that each
/// threshold says from both its sides where the offset may be.
std::optional<FixedLine> with_factor(const Channel &channel, std::int64_t factor, unsigned bits) {
  const std::int64_t low = channel.low, high = channel.high;
  std::int64_t least = INT32_MIN - factor * low, most = INT32_MAX - factor * high;
  for (unsigned i = 0; i < channel.count; ++i) {
    const std::int64_t level = channel.levels[i], code = std::int64_t(i + 1) << bits;
    if (level <= high) least = std::max(least, code - factor * std::max(level, low));
    if (level > low) most = std::min(most, code - factor * std::min(level - 1, high) - 1);
  }
  least = std::max<std::int64_t>(least, INT32_MIN), most = std::min<std::int64_t>(most, INT32_MAX);
  return least <= most ? std::optional(FixedLine{factor, least + (most - least) / 2}) : std::nullopt;
}

/// The same with whichever factor is close to the thresholds' distances.
std::optional<FixedLine> find_fixed(const Channel &channel, double slope, unsigned bits) {
  constexpr std::int64_t kTried[] = {0, 1, -1, 2, -2};
  const std::int64_t middle = std::llround(std::ldexp(slope, int(bits)));
  for (const std::int64_t more : kTried) {
    const std::int64_t factor = middle + more;
    if (factor < 0 || factor > INT16_MAX) continue;
    if (const auto found = with_factor(channel, factor, bits)) return found;
  }
  return std::nullopt;
}

/// code = clamp((cut(cut(sum * 2^doublings) + offset) * factor) >> (16 + shift)), where cut(x) is within 16 bits.
struct ScaledLine {
  unsigned doublings = 0;
  std::int16_t offset = 0, factor = 0, shift = 0;
};

/// One that gives a channel's codes with this factor. What is multiplied only rises, so that each threshold says from both its sides where
/// the offset may be; to reach a code it is not cut, and being cut below any changes none.
std::optional<ScaledLine> with_factor(const Channel &channel, unsigned doublings, std::int64_t factor, unsigned shift) {
  const unsigned begin = channel.code(channel.low), end = channel.code(channel.high);
  const auto least_for = [&](unsigned code) { return ((std::int64_t(code) << (16 + shift)) + factor - 1) / factor; };
  const auto doubled = [&](std::int64_t sum) { return sum * (std::int64_t(1) << doublings); };
  const auto scaled = [&](std::int64_t sum) { return std::clamp<std::int64_t>(doubled(sum), INT16_MIN, INT16_MAX); };
  if (doubled(channel.low) < INT32_MIN || doubled(channel.high) > INT32_MAX || least_for(end) > INT16_MAX) return std::nullopt;
  std::int64_t least = INT16_MIN, most = INT16_MAX;
  if (begin > 0) least = std::max(least, least_for(begin) - scaled(channel.low));
  if (end < channel.count) most = std::min(most, least_for(end + 1) - 1 - scaled(channel.high));
  for (unsigned code = begin + 1; code <= end; ++code) {
    const std::int64_t level = channel.levels[code - 1];
    least = std::max(least, least_for(code) - scaled(level));
    most = std::min(most, least_for(code) - 1 - scaled(level - 1));
  }
  if (least > most) return std::nullopt;
  return ScaledLine{doublings, std::int16_t(least + (most - least) / 2), std::int16_t(factor), std::int16_t(shift)};
}

/// The same with whichever factor is close to the thresholds' distances, for weights that can be doubled up to `room` times: the more often,
/// the finer the offset is.
std::optional<ScaledLine> find_scaled(const Channel &channel, unsigned room) {
  constexpr std::int64_t kTried[] = {0, 1, -1, 2, -2};
  const unsigned begin = channel.code(channel.low), end = channel.code(channel.high);
  if (end == 0) return ScaledLine{};
  const double slope = end - begin < 2 ? 1 : fit(channel, begin, end).slope;
  for (unsigned doublings = room + 1; slope > 0 && doublings-- > 0;) {
    const auto middle = [&](unsigned shift) { return std::llround(std::ldexp(slope, int(16 + shift) - int(doublings))); };
    unsigned shift = 15;
    while (shift > 0 && middle(shift) > INT16_MAX) --shift;
    for (const std::int64_t more : kTried) {
      const std::int64_t factor = middle(shift) + more;
      if (factor <= 0 || factor > INT16_MAX) continue;
      if (const auto found = with_factor(channel, doublings, factor, shift)) return found;
    }
  }
  return std::nullopt;
}

/// How many more codes a channel has for each unit of its sum.
double slope_of(const Channel &channel) {
  const unsigned first = channel.code(channel.low), last = channel.code(channel.high);
  return last - first < 2 ? 0 : std::max(0.0, fit(channel, first, last).slope);
}

}  // namespace

Levels::Levels(const std::int32_t *levels, std::size_t channels, unsigned count, const std::vector<std::int32_t> &low,
               const std::vector<std::int32_t> &high, const Origin &origin)
    : count_(count) {
  const std::size_t panels = (channels + kPanel - 1) / kPanel;
  levels_.assign(panels * count * kPanel, std::numeric_limits<std::int32_t>::max());
  ways_.assign(panels, Way::kLevels), doublings_.assign(panels, 0);
  slope_.assign(panels * kPanel, 0), offset_.assign(panels * kPanel, 0);
  for (std::size_t c = 0; c < channels; ++c) {
    for (unsigned i = 0; i < count; ++i) levels_[(c / kPanel * count + i) * kPanel + c % kPanel] = levels[c * count + i];
  }
  factor_.assign(panels * kPanel, 0), fixed_offset_.assign(panels * kPanel, 0), shifts_.assign(panels, 0);
  scales_.assign(panels * kPanel, 0), scaled_offset_.assign(panels * kPanel, 0);
  scaled_factor_.assign(panels * kPanel, 0), scaled_shift_.assign(panels * kPanel, 0);
  const auto suits_scaled = [&](std::size_t begin, std::size_t end) {
    std::vector<ScaledLine> lines;
    for (std::size_t c = begin; c < end; ++c) {
      const auto line = find_scaled({levels + c * count, count, low[c], high[c]}, origin.room[c]);
      if (!line) return false;
      lines.push_back(*line);
    }
    for (std::size_t c = 0; c < lines.size(); ++c) {
      const std::size_t at = begin + word_of(c);
      scales_[begin + c] = lines[c].doublings;
      scaled_offset_[at] = lines[c].offset, scaled_factor_[at] = lines[c].factor, scaled_shift_[at] = lines[c].shift;
    }
    return true;
  };
  // Of looked up sums, by a product of 16 bits and a shift that all columns share.
  const auto suits_fixed = [&](std::size_t begin, std::size_t end) {
    constexpr unsigned kHalf = 16;
    std::vector<Channel> columns;
    std::vector<double> slopes;
    for (std::size_t c = begin; c < end; ++c) {
      if (high[c] > INT16_MAX) return false;
      columns.push_back({levels + c * count, count, low[c], high[c]});
      slopes.push_back(slope_of(columns.back()));
    }
    const auto with_shift = [&](unsigned shift) {
      for (std::size_t c = 0; c < columns.size(); ++c) {
        const std::optional<FixedLine> line = find_fixed(columns[c], slopes[c], kHalf + shift);
        if (!line) return false;
        const std::size_t word = word_of(c), at = begin + word / 32 * 32 + word % 2 * 16 + word % 32 / 2;
        factor_[at] = std::int32_t(std::uint32_t(line->factor) << (word % 2 * kHalf)), fixed_offset_[at] = std::int32_t(line->offset);
      }
      shifts_[begin / kPanel] = shift;
      return true;
    };
    // The more bits, the nearer to the thresholds, until factors have no room in 16 or products in 32.
    for (unsigned shift = kHalf; shift-- > 0;) {
      if (with_shift(shift)) return true;
    }
    return false;
  };
  for (std::size_t panel = 0; panel < panels; ++panel) {
    const std::size_t begin = panel * kPanel, end = std::min(begin + kPanel, channels);
    if (!origin.room.empty() && suits_scaled(begin, end)) {
      ways_[panel] = Way::kScaled;
      continue;
    }
    if (origin.looked_up && suits_fixed(begin, end)) {
      ways_[panel] = Way::kFixed;
      continue;
    }
    const auto suits = [&](Way way, unsigned doublings) {
      const std::size_t step = std::size_t(1) << doublings, fewer = (count + step - 1) / step;
      std::vector<std::int32_t> firsts(fewer);  // of each `step` thresholds, which are equal
      for (std::size_t c = begin; c < end; ++c) {
        const std::int32_t *own = levels + c * count;
        for (std::size_t i = 0; i < count; ++i) {
          if (i % step == 0) firsts[i / step] = own[i];
          if (own[i] != firsts[i / step]) return false;
        }
        const auto line = find_line({firsts.data(), unsigned(fewer), low[c], high[c]}, way);
        if (!line) return false;
        slope_[c] = line->slope, offset_[c] = line->offset;
      }
      ways_[panel] = way, doublings_[panel] = doublings;
      return true;
    };
    constexpr unsigned kMostDoublings = 2;
    bool found = false;
    for (unsigned doublings = 0; !found && doublings <= kMostDoublings; ++doublings) {
      found = suits(Way::kLine, doublings) || suits(Way::kDouble, doublings);
    }
    if (!found && count > kFew) suits(Way::kNear, 0);  // fewer are as fast compared with one by one
  }
  single_slope_.assign(slope_.begin(), slope_.end()), single_offset_.assign(offset_.begin(), offset_.end());
}

Panel Levels::panel(std::size_t index) const {
  const std::size_t at = index * kPanel;
  return {ways_[index], doublings_[index], &single_slope_[at], &single_offset_[at], &slope_[at], &offset_[at], &levels_[at * count_], count_,
          &factor_[at], &fixed_offset_[at], shifts_[index], &scaled_offset_[at], &scaled_factor_[at], &scaled_shift_[at]};
}

CodeLevels::CodeLevels(const std::int32_t *levels, std::size_t channels, unsigned count) : count_(count) {
  if (count > kFew) {
    table_.resize(channels * kCodes);
    for (std::size_t c = 0; c < channels; ++c) {
      const std::int32_t *level = levels + c * count, *end = level + count;
      std::uint8_t *row = &table_[c * kCodes], code = 0;
      for (std::size_t i = 0; i < kCodes; ++i) {
        for (; level < end && *level <= std::int32_t(i); ++level) ++code;
        row[i] = code;
      }
    }
    return;
  }
  base_.resize(channels), above_.resize(channels * count);
  constexpr std::int32_t kNever = 255;  // no code is above it
  for (std::size_t c = 0; c < channels; ++c) {
    const std::int32_t *level = levels + c * count, *end = level + count;
    for (; level < end && *level <= 0; ++level) ++base_[c];
    for (unsigned i = 0; i < count; ++i) {
      above_[i * channels + c] = std::uint8_t(level < end && *level <= kNever ? *level++ - 1 : kNever);
    }
  }
}

SumLevels::SumLevels(std::vector<std::int32_t> main, std::vector<std::int32_t> bypass, unsigned count, std::optional<Levels> levels,
                     std::vector<std::int64_t> wide, std::optional<Planes> planes)
    : count_(count),
      main_(std::move(main)),
      bypass_(std::move(bypass)),
      levels_(std::move(levels)),
      wide_(std::move(wide)),
      planes_(std::move(planes)) {
  const std::size_t padded = (main_.size() + kPanel - 1) / kPanel * kPanel;
  main_.resize(padded), bypass_.resize(padded);
}

Sum SumLevels::panel(std::size_t index) const {
  const std::size_t at = index * kPanel;
  const Plane plane = planes_ ? planes_->panel(index) : Plane{};
  if (levels_) return {&main_[at], &bypass_[at], levels_->panel(index), nullptr, plane};
  Panel none{};
  none.way = Way::kLevels, none.count = count_;
  return {&main_[at], &bypass_[at], none, &wide_[at * count_], plane};
}

}  // namespace resflow
