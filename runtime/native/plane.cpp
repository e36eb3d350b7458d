#include "plane.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <vector>

namespace resflow {
namespace {

/// The join of one channel: the code is the number of levels that are not above main * code + bypass * code of the other branch.
struct Pairs {
  std::int64_t main, bypass;        // factors
  unsigned main_high, bypass_high;  // largest code of each branch
  const std::int32_t *levels;       // ascending
  unsigned count;
};

/// code = clamp((main * code + bypass * code + offset) >> shift, 0, count).
struct FixedPlane {
  std::int64_t main, bypass, offset;
  unsigned shift;
};

constexpr double kFar = 1024;  // where no offset is

constexpr unsigned kSize = 4;  // what is sought: both factors, the offset, and by how much every code is kept
using Vector = std::array<double, kSize>;

double dot(const Vector &a, const Vector &b) {
  double total = 0;
  for (unsigned i = 0; i < kSize; ++i) total += a[i] * b[i];
  return total;
}

/// row . sought <= limit.
struct Constraint {
  Vector row;
  double limit;
};

/// The constraints that hold with equality, of which `sought` is the solution, and the weights with which their rows add up to the
/// direction in which it is the furthest.
struct Vertex {
  std::array<Constraint, kSize> tight;
  std::array<Vector, kSize> inverse;  // of the rows of `tight`, column by column
  Vector weights;

  Vector sought() const {
    Vector sum{};
    for (unsigned j = 0; j < kSize; ++j) {
      for (unsigned i = 0; i < kSize; ++i) sum[i] += tight[j].limit * inverse[j][i];
    }
    return sum;
  }

  /// Takes a constraint that is not met in, and the one out that then needs not hold with equality; false if none can go.
  bool exchange(const Constraint &entering) {
    constexpr double kSmallest = 1e-12;
    Vector share;  // of the tight rows in the entering one
    for (unsigned j = 0; j < kSize; ++j) share[j] = dot(entering.row, inverse[j]);
    unsigned out = kSize;
    for (unsigned j = 0; j < kSize; ++j) {
      if (share[j] > kSmallest && (out == kSize || weights[j] * share[out] < weights[out] * share[j])) out = j;
    }
    if (out == kSize) return false;
    const double step = weights[out] / share[out];
    for (unsigned j = 0; j < kSize; ++j) weights[j] -= step * share[j];
    weights[out] = step;
    for (double &each : inverse[out]) each /= share[out];
    for (unsigned j = 0; j < kSize; ++j) {
      if (j == out) continue;
      for (unsigned i = 0; i < kSize; ++i) inverse[j][i] -= share[j] * inverse[out][i];
    }
    tight[out] = entering;
    return true;
  }
};

/// The plane between its codes' numbers and the next with the widest margin to both, by a dual simplex method: from one vertex to the
/// next, the constraint that is missed by the most comes in.
std::optional<Vector> widest(const Pairs &pairs, const std::vector<std::uint8_t> &codes) {
  constexpr double kEnough = 1e-6;  // a margin wide enough for fixed point
  constexpr unsigned kMostSteps = 200;
  Vertex vertex{};
  for (unsigned i = 0; i < kSize; ++i) {
    vertex.tight[i].row[i] = 1, vertex.inverse[i][i] = 1;
    vertex.tight[i].limit = i == kSize - 1 ? 1 : kFar;
  }
  vertex.weights[kSize - 1] = 1;
  for (unsigned step = 0; step < kMostSteps; ++step) {
    const Vector at = vertex.sought();
    if (at[kSize - 1] <= 0) return std::nullopt;  // it only becomes smaller
    Constraint worst{};
    double most = -1;  // by how much the code is missed, with its margin
    std::size_t i = 0;
    for (unsigned m = 0; m <= pairs.main_high; ++m) {
      for (unsigned b = 0; b <= pairs.bypass_high; ++b, ++i) {
        const double value = at[0] * m + at[1] * b + at[2], code = codes[i];
        if (code > 0 && code - value > most) most = code - value, worst = {{-double(m), -double(b), -1, 1}, -code};
        if (code < pairs.count && value - code - 1 > most) most = value - code - 1, worst = {{double(m), double(b), 1, 1}, code + 1};
      }
    }
    if (most < -kEnough) return at;
    if (dot(worst.row, at) <= worst.limit || !vertex.exchange(worst)) return std::nullopt;
  }
  return std::nullopt;
}

/// The code of every pair, that of the main branch slower.
std::vector<std::uint8_t> codes_of(const Pairs &pairs) {
  const std::int32_t *end = pairs.levels + pairs.count;
  std::vector<std::uint8_t> codes;
  codes.reserve(std::size_t(pairs.main_high + 1) * (pairs.bypass_high + 1));
  for (std::int64_t m = 0; m <= pairs.main_high; ++m) {
    for (std::int64_t b = 0; b <= pairs.bypass_high; ++b) {
      codes.push_back(std::uint8_t(std::upper_bound(pairs.levels, end, pairs.main * m + pairs.bypass * b) - pairs.levels));
    }
  }
  return codes;
}

/// One that gives the code of every pair.
std::optional<FixedPlane> find_plane(const Pairs &pairs) {
  constexpr int kMostBits = 30, kFewestBits = 20;  // behind the point: as many as let factors and their halves fit
  const std::vector<std::uint8_t> codes = codes_of(pairs);
  const std::optional<Vector> found = widest(pairs, codes);
  if (!found) return std::nullopt;
  const auto [main, bypass, offset, margin] = *found;
  const int shift = kMostBits - 1 - std::ilogb(std::max({std::abs(main), std::abs(bypass), 0.5}));
  if (shift < kFewestBits || std::abs(offset) > kFar) return std::nullopt;
  const double one = std::ldexp(1, shift);
  const FixedPlane plane{std::llround(main * one), std::llround(bypass * one), std::llround(offset * one), unsigned(shift)};
  std::size_t i = 0;
  for (std::int64_t m = 0; m <= pairs.main_high; ++m) {
    for (std::int64_t b = 0; b <= pairs.bypass_high; ++b, ++i) {
      const std::int64_t value = (plane.main * m + plane.bypass * b + plane.offset) >> plane.shift;
      if (std::clamp<std::int64_t>(value, 0, pairs.count) != codes[i]) return std::nullopt;
    }
  }
  return plane;
}

}  // namespace

std::optional<Planes> find_planes(const std::int32_t *main, const std::int32_t *bypass, const std::int32_t *levels, std::size_t channels,
                                  unsigned count, unsigned main_high, unsigned bypass_high) {
  constexpr std::size_t kMostKinds = 8;  // of channels; a search takes some ten milliseconds
  constexpr int kHalf = 16;
  std::map<std::vector<std::int32_t>, FixedPlane> found;  // by factors and levels
  std::optional<Planes> planes(std::in_place, (channels + kPanel - 1) / kPanel * kPanel);
  for (std::size_t c = 0; c < channels; ++c) {
    std::vector<std::int32_t> kind(levels + c * count, levels + (c + 1) * count);
    kind.insert(kind.end(), {main[c], bypass[c]});
    auto known = found.find(kind);
    if (known == found.end()) {
      if (found.size() == kMostKinds) return std::nullopt;
      const auto plane = find_plane({main[c], bypass[c], main_high, bypass_high, levels + c * count, count});
      if (!plane) return std::nullopt;
      known = found.emplace(std::move(kind), *plane).first;
    }
    const FixedPlane &plane = known->second;
    const auto upper = [](std::int64_t factor) { return (factor + (1 << (kHalf - 1))) >> kHalf; };
    const auto lower = [&](std::int64_t factor) { return factor - upper(factor) * (1 << kHalf); };
    const auto pair = [](std::int64_t low, std::int64_t high) { return std::int32_t(std::uint32_t(high) << kHalf | std::uint16_t(low)); };
    planes->coarse[c] = pair(upper(plane.main), upper(plane.bypass));
    planes->fine[c] = pair(lower(plane.main), lower(plane.bypass));
    planes->coarse_offset[c] = std::int32_t(plane.offset >> kHalf);
    planes->fine_offset[c] = std::int32_t(plane.offset & ((1 << kHalf) - 1));
    planes->shift[c] = std::int32_t(plane.shift) - kHalf;
  }
  planes->is_one = found.size() == 1;
  return planes;
}

}  // namespace resflow
