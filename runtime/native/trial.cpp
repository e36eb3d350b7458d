#include "trial.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <random>
#include <sstream>

namespace resflow {
namespace {

constexpr unsigned kRuns = 3;            // of which the fastest counts, behind one that fetches what is needed
constexpr std::size_t kFrames = 2;  // so that what is done once for all of them counts less

double seconds(const Layer &layer, unsigned input_high) {
  using Clock = std::chrono::steady_clock;
  const std::size_t in_bytes = kFrames * layer.in().frame_bytes() + layer.slack_bytes();
  Buffer in(in_bytes), out(kFrames * layer.out_bytes() * (layer.gives_sums() ? sizeof(std::int32_t) : 1));
  std::minstd_rand random(1);
  const std::size_t drawn = std::min<std::size_t>(in_bytes, 4096);  // the rest repeats them
  std::generate_n(in.data(), drawn, [&] { return std::uint8_t((random() >> 8) % (input_high + 1)); });
  for (std::size_t at = drawn; at < in_bytes; at += drawn) std::memcpy(in.data() + at, in.data(), std::min(drawn, in_bytes - at));
  const Scratch scratch{Buffer(layer.scratch_row_bytes()), Buffer(layer.scratch_panel_bytes())};
  const Part all = layer.part(kFrames, 0, 1);
  double best = std::numeric_limits<double>::infinity();
  for (unsigned i = 0; i <= kRuns; ++i) {
    const auto start = Clock::now();
    layer.run(in.data(), all, Join{}, out.data(), scratch);
    if (i > 0) best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best;
}

}  // namespace

bool any_will_do(const Description &d) {
  constexpr std::size_t kFew = std::size_t(1) << 20;  // products, of some microseconds
  return d.geometry.out_pixels() * d.outputs * d.geometry.inputs() < kFew;
}

std::string shape(const Description &d, const std::vector<Means> &means) {
  const Geometry &g = d.geometry;
  std::ostringstream text;
  for (const int size : {g.height, g.width, g.channels, g.kernel_y, g.kernel_x, g.stride_y, g.stride_x, g.before_y, g.before_x, g.out_height,
                         g.out_width, int(d.outputs), int(d.input_high), int(d.thresholds == nullptr ? 0 : d.levels), int(d.input)}) {
    text << size << ' ';
  }
  for (const Means &each : means) text << each.name() << ' ';
  return text.str();
}

std::size_t fastest(const Description &d, const std::vector<Means> &means) {
  std::vector<double> times;
  for (const Means &each : means) {
    const Layer layer(d, each);
    each.kernels->enter();
    times.push_back(seconds(layer, d.input_high));
    each.kernels->leave();
  }
  return std::size_t(std::min_element(times.begin(), times.end()) - times.begin());
}

}  // namespace resflow
