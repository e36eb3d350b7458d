#include "layer.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace resflow {
namespace {

constexpr std::size_t kCacheLine = 64;

// Of a second level cache of 1 to 2 MiB: what panels may take when they are expanded once and stay, and what rows may take when
// panels come and go (every panel must meet enough rows to be worth its expansion) or stay.
constexpr std::size_t kPanelBytes = 640 << 10, kManyRowBytes = 768 << 10, kFewRowBytes = 96 << 10;

constexpr std::size_t divide_up(std::size_t value, std::size_t by) { return (value + by - 1) / by; }

std::int64_t extreme(const std::int8_t *weights, bool wide, std::size_t inputs, bool positive) {
  std::int64_t total = 0;
  for (std::size_t k = 0; k < inputs; ++k) {
    const int weight = wide ? int(std::uint8_t(weights[k])) : weights[k];
    total += positive ? std::max(weight, 0) : std::min(weight, 0);
  }
  return total;
}

}  // namespace

Buffer::Buffer(std::size_t size)
    : data_(static_cast<std::uint8_t *>(::operator new(std::max<std::size_t>(size, 1), std::align_val_t(kCacheLine)))) {}

void Buffer::Free::operator()(std::uint8_t *data) const { ::operator delete(data, std::align_val_t(kCacheLine)); }

Layer::Layer(const Description &d, const std::vector<const Kernels *> &candidates)
    : name_(d.name),
      geometry_(d.geometry),
      outputs_(d.outputs),
      chunks_(divide_up(d.geometry.inputs(), kChunk)),
      bipolar_(d.bipolar) {
  const Geometry &g = geometry_;
  const std::size_t inputs = g.inputs();
  direct_ = g.kernel_y == 1 && g.kernel_x == 1 && g.stride_y == 1 && g.stride_x == 1 && inputs % kChunk == 0;
  int largest = 0;
  for (std::size_t i = 0; i < outputs_ * inputs; ++i) largest = std::max(largest, std::abs(d.wide ? int(std::uint8_t(d.weights[i])) : d.weights[i]));
  const bool narrow = std::int64_t(kChunk) * d.input_high * largest <= INT16_MAX;
  for (const Kernels *kernels : candidates) {
    multiply_ = d.wide ? kernels->wide : narrow && kernels->narrow != nullptr ? kernels->narrow : kernels->multiply;
    kernels_ = kernels;
    if (multiply_ != nullptr) break;
  }
  pack(d.weights);
  std::vector<std::int32_t> low(outputs_), high(outputs_);
  for (std::size_t n = 0; n < outputs_; ++n) {
    const std::int8_t *row = d.weights + n * inputs;
    low[n] = std::int32_t(extreme(row, d.wide, inputs, false) * d.input_high);
    high[n] = std::int32_t(extreme(row, d.wide, inputs, true) * d.input_high);
  }
  levels_.emplace(d.thresholds, outputs_, d.levels, low, high);
}

void Layer::pack(const std::int8_t *weights) {
  const std::size_t inputs = geometry_.inputs(), interleave = kernels_->interleave, bytes = panel_count() * panel_bytes();
  weights_ = Buffer(bipolar_ ? bytes / 8 : bytes);
  std::memset(weights_.data(), 0, bipolar_ ? bytes / 8 : bytes);
  for (std::size_t n = 0; n < outputs_; ++n) {
    const std::int8_t *row = weights + n * inputs;
    const std::size_t start = n / kPanel * panel_bytes() + n % kPanel * interleave;
    for (std::size_t k = 0; k < inputs; ++k) {
      const std::size_t at = start + k / interleave * interleave * kPanel + k % interleave;
      if (!bipolar_) {
        weights_.data()[at] = std::uint8_t(row[k]);
      } else if (row[k] > 0) {
        reinterpret_cast<std::uint64_t *>(weights_.data())[at / 64] |= std::uint64_t(1) << at % 64;
      }
    }
  }
}

const std::int8_t *Layer::panel(std::size_t index, std::uint8_t *scratch) const {
  if (!bipolar_) return reinterpret_cast<const std::int8_t *>(weights_.data() + index * panel_bytes());
  const std::size_t words = panel_bytes() / 64;
  auto *bytes = reinterpret_cast<std::int8_t *>(scratch);
  kernels_->expand(reinterpret_cast<const std::uint64_t *>(weights_.data()) + index * words, words, bytes);
  return bytes;
}

bool Layer::expand_all(std::size_t panels) const { return bipolar_ && (panels == 1 || panels * panel_bytes() <= kPanelBytes); }

std::size_t Layer::block_rows(std::size_t panels) const {
  const std::size_t budget = bipolar_ && !expand_all(panels) ? kManyRowBytes : kFewRowBytes;
  return std::max<std::size_t>(1, budget / (chunks_ * kChunk) / kernels_->rows) * kernels_->rows;
}

std::size_t Layer::scratch_row_bytes() const {
  std::size_t most = 0;  // fewer panels may be expanded all at once, and then go with fewer rows
  for (std::size_t panels : {std::size_t(1), panel_count()}) most = std::max(most, block_rows(panels));
  return direct_ && !entry_ ? 0 : (most + kSlackRows) * chunks_ * kChunk;
}

std::size_t Layer::scratch_panel_bytes() const { return bipolar_ ? std::max(panel_bytes(), kPanelBytes) : 0; }

Part Layer::part(std::size_t frames, unsigned thread, unsigned threads) const {
  const std::size_t rows = frames * geometry_.out_pixels(), units = divide_up(rows, kernels_->rows), panels = panel_count();
  // Cycles of AMX, the path where it matters most, for a panel and a unit of rows: to expand, to gather and to multiply.
  const double expand = bipolar_ ? double(panel_bytes()) / 50 : 0, gather = direct_ ? 0 : double(kernels_->rows * chunks_ * kChunk) / 32;
  const double multiply = double(kernels_->rows * panel_bytes()) / 800;
  const std::size_t most_units = divide_up(units, threads), most_panels = divide_up(panels, threads);
  const double by_rows = double(panels) * expand + double(most_units) * (gather + double(panels) * multiply);
  const double by_panels = double(most_panels) * expand + double(units) * (gather + double(most_panels) * multiply);
  const auto share = [&](std::size_t count, unsigned t) { return count * t / threads; };
  if (by_panels < by_rows) return {0, rows, share(panels, thread), share(panels, thread + 1)};
  const auto row = [&](unsigned t) { return std::min(rows, share(units, t) * kernels_->rows); };
  return {row(thread), row(thread + 1), 0, panels};
}

void Layer::run(const std::uint8_t *frames, const Part &part, const Join &join, std::uint8_t *out, const Scratch &scratch) const {
  const std::size_t panels = part.panel_end - part.panel_begin, depth = chunks_ * kChunk;
  if (panels == 0 || part.row_begin == part.row_end) return;
  const bool all = expand_all(panels), direct = direct_ && !entry_;
  if (all) {
    for (std::size_t p = 0; p < panels; ++p) panel(part.panel_begin + p, scratch.panels.data() + p * panel_bytes());
  }
  alignas(kCacheLine) std::int32_t sums[kMostRows * kPanel];
  const std::size_t block = block_rows(panels);
  for (std::size_t begin = part.row_begin; begin < part.row_end; begin += block) {
    const std::size_t end = std::min(begin + block, part.row_end);
    const std::uint8_t *rows = frames + begin * depth;
    if (!direct) {
      rows = scratch.rows.data();
      if (entry_) {
        kernels_->gather_entry(geometry_, *entry_, frames, begin, end - begin, scratch.rows.data(), depth);
      } else {
        kernels_->gather(geometry_, frames, begin, end - begin, scratch.rows.data(), depth);
      }
    }
    for (std::size_t p = 0; p < panels; ++p) {
      const std::size_t index = part.panel_begin + p, column = index * kPanel;
      std::uint8_t *expanded = scratch.panels.data();
      const auto *weights = all ? reinterpret_cast<const std::int8_t *>(expanded + p * panel_bytes()) : panel(index, expanded);
      const Panel levels = levels_->panel(index);
      const unsigned columns = unsigned(std::min<std::size_t>(kPanel, outputs_ - column));
      for (std::size_t row = begin; row < end; row += kernels_->rows) {
        const unsigned count = unsigned(std::min<std::size_t>(kernels_->rows, end - row));
        multiply_(rows + (row - begin) * depth, depth, count, weights, chunks_, sums);
        Join here = join;
        here.stride = outputs_;
        if (join.bypass != nullptr) here.bypass += row * outputs_ + column;
        kernels_->finish(sums, count, columns, levels, here, out + row * outputs_ + column, outputs_);
      }
    }
  }
}

}  // namespace resflow
