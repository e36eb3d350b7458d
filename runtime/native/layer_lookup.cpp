// A layer whose sums are looked up: tables for the pixels of some rows of the image, which all windows over them read.
#include <algorithm>
#include <cstring>

#include "layer.h"

namespace resflow {
namespace {

// Of a second level cache: what tables may take at a time. Of a first level cache: what those of the rows of one addition may.
constexpr std::size_t kTableBytes = 384 << 10, kSliceBytes = 20 << 10, kGatherBytes = 16 << 10;
constexpr std::size_t kPanelsTogether = 32;  // whose sums are kept while slice after slice is added to them

constexpr std::size_t divide_up(std::size_t value, std::size_t by) { return (value + by - 1) / by; }

/// Which of a panel's bytes is that of a column: words of the first half of sums come from even bytes, those of the second from odd ones.
constexpr std::size_t byte_of(std::size_t column) { return word_of(column) % (kPanel / 2) * 2 + word_of(column) / (kPanel / 2); }

/// Bit i of a byte: whether weight i of up to 8 is not negative; of those that are missing it is set.
std::uint8_t signs(const std::int8_t *weights, std::size_t count) {
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, weights, count);
  // The product brings the lowest bit of byte i to bit 56 + i.
  return std::uint8_t(((~bytes >> 7 & 0x0101010101010101) * 0x0102040810204080) >> 56);
}

}  // namespace

void Layer::choose_tables(unsigned high) {
  const Geometry &g = geometry_;
  Tables &t = *lookup_;
  in_ = {g.height, g.width, g.channels};
  t.high = high;
  const std::size_t channels = std::size_t(g.channels), bytes = t.how->bytes(), per_pixel = t.how->tables(channels);
  const std::size_t per_line = per_pixel * g.kernel_x, per_block = t.how->block / t.how->inputs;
  t.pixel_bytes = per_pixel * bytes;
  const int right = std::max(0, (g.out_width - 1) * g.stride_x + g.kernel_x - g.before_x - g.width);
  t.line_bytes = std::size_t(g.before_x + g.width + right) * t.pixel_bytes;
  t.count = per_line * g.kernel_y;
  // Slices of about the same size, and in them runs of as many tables as never add up to more than a byte holds.
  const std::size_t most = UINT8_MAX / (t.how->inputs * high), blocks = per_line / per_block;
  const std::size_t pieces = divide_up(per_line * bytes * kLookupRows, kSliceBytes);
  for (int y = 0; y < g.kernel_y; ++y) {
    for (std::size_t i = 0; i < pieces; ++i) {
      const std::size_t begin = blocks * i / pieces * per_block, end = blocks * (i + 1) / pieces * per_block;
      const std::size_t first = begin / per_block * t.how->block, runs = divide_up(end - begin, most);
      Slice slice{end - begin, first, std::min(channels, end / per_block * t.how->block) - first, {}};
      const std::size_t start = takes_entry() ? 0 : y * t.line_bytes + begin * bytes;
      for (std::size_t r = 0; r < runs; ++r) {
        const std::size_t from = slice.tables * r / runs, to = slice.tables * (r + 1) / runs;
        slice.runs.push_back({start + from * bytes, unsigned(to - from)});
      }
      t.slices.push_back(std::move(slice));
    }
  }
}

/// A byte for each table and column: bit i is set where the weight of the table's input i is +1.
void Layer::pack_indices(const std::int8_t *weights) {
  const Lookup &how = *lookup_->how;
  const std::size_t channels = std::size_t(geometry_.channels), pixels = std::size_t(geometry_.kernel_y) * geometry_.kernel_x;
  const std::size_t per_pixel = how.tables(channels), per_block = how.block / how.inputs, bytes = panel_count() * lookup_->panel_bytes();
  const std::uint8_t all = std::uint8_t((1u << how.inputs) - 1);
  weights_ = Buffer(bytes);
  std::memset(weights_.data(), 0, bytes);
  for (std::size_t n = 0; n < outputs_; ++n) {
    std::uint8_t *to = weights_.data() + n / kPanel * lookup_->panel_bytes() + byte_of(n % kPanel);
    for (std::size_t p = 0; p < pixels; ++p) {
      const std::int8_t *row = weights + (n * pixels + p) * channels;
      for (std::size_t t = 0; t < per_pixel; ++t, to += kPanel) {
        const std::size_t first = std::min(channels, t / per_block * how.block + how.first(unsigned(t % per_block)));
        *to = signs(row + first, std::min<std::size_t>(how.inputs, channels - first)) & all;
      }
    }
  }
}

/// By how much the sums that are looked up are too large.
std::vector<std::int32_t> Layer::excess(const std::int8_t *weights) const {
  const std::size_t inputs = geometry_.inputs();
  std::vector<std::int32_t> excess(outputs_);
  for (std::size_t n = 0; n < outputs_; ++n) {
    const auto negative = std::count_if(weights + n * inputs, weights + (n + 1) * inputs, [](std::int8_t weight) { return weight < 0; });
    excess[n] = std::int32_t(negative) * std::int32_t(lookup_->high);
  }
  return excess;
}

/// How many rows of the image's output have their tables made at a time, or, of single pixels, how many are gathered.
std::size_t Layer::band_rows() const {
  if (takes_entry()) return std::max<std::size_t>(1, kGatherBytes / std::size_t(geometry_.channels) / kLookupRows) * kLookupRows;
  const std::size_t lines = kTableBytes / lookup_->line_bytes, kernel = std::size_t(geometry_.kernel_y);
  return lines <= kernel ? 1 : (lines - kernel) / std::size_t(geometry_.stride_y) + 1;
}

std::size_t Layer::table_bytes() const {
  if (takes_entry()) return kSliceBytes + kLookupRows * lookup_->how->block / lookup_->how->inputs * lookup_->how->bytes();
  const std::size_t lines = (band_rows() - 1) * std::size_t(geometry_.stride_y) + std::size_t(geometry_.kernel_y);
  return lines * lookup_->line_bytes + lookup_->pixel_bytes;
}

void Layer::look_up(const Task &task, const Part &part) const { takes_entry() ? look_up_pixels(task, part) : look_up_windows(task, part); }

/// Adds up and finishes all rows of a part. tile.move(slot, count) says where the tables of some rows are, in tile.rows;
/// tile.make(slice) makes those of a slice, if they are not there yet.
template <class Tile>
void Layer::add_up(const Task &task, const Part &part, Tile &tile) const {
  const Tables &t = *lookup_;
  alignas(64) std::uint16_t sums[kPanelsTogether][kLookupRows * kPanel];
  for (std::size_t slot = part.row_begin; slot < part.row_end; slot += kLookupRows) {
    const unsigned count = unsigned(std::min<std::size_t>(kLookupRows, part.row_end - slot));
    tile.move(slot, count);
    for (std::size_t first = part.panel_begin; first < part.panel_end; first += kPanelsTogether) {
      const std::size_t panels = std::min(kPanelsTogether, part.panel_end - first);
      const std::uint8_t *indices = weights_.data() + first * t.panel_bytes();
      bool fresh = true;
      for (const Slice &slice : t.slices) {
        tile.make(slice);
        for (std::size_t p = 0; p < panels; ++p) t.how->add(tile.rows, count, slice.runs, indices + p * t.panel_bytes(), fresh, sums[p]);
        indices += slice.tables * kPanel;
        fresh = false;
      }
      for (std::size_t p = 0; p < panels; ++p) finish(task, {nullptr, sums[p]}, slot, count, first + p);
    }
  }
}

/// Rows of single pixels, whose tables are made slice by slice.
struct Layer::PixelTile {
  const Tables &t;
  const std::uint8_t *codes;  // of the first slot
  std::size_t first, channels;
  std::uint8_t *tables;
  const std::uint8_t *rows[kLookupRows] = {};
  std::size_t slot = 0;
  unsigned count = 0;

  void move(std::size_t to, unsigned size) { slot = to, count = size; }

  void make(const Slice &slice) {
    t.how->make(codes + (slot - first) * channels + slice.begin, channels, count, slice.channels, t.high, tables);
    for (unsigned r = 0; r < count; ++r) rows[r] = tables + r * slice.tables * t.how->bytes();
  }
};

void Layer::look_up_pixels(const Task &task, const Part &part) const {
  const Geometry &g = geometry_;
  const std::size_t channels = std::size_t(g.channels), bands = band_rows();
  const bool as_they_lie = g.stride_y == 1 && g.stride_x == 1 && !entry_;
  for (std::size_t begin = part.row_begin; begin < part.row_end; begin += bands) {
    const std::size_t end = std::min(part.row_end, begin + bands);
    std::uint8_t *copied = task.scratch.rows.data();
    if (entry_) {
      kernels_->gather_entry(g, *entry_, task.frames, begin, end - begin, copied, channels);
    } else if (!as_they_lie) {
      kernels_->gather(g, task.frames, begin, end - begin, copied, channels);
    }
    PixelTile tile{*lookup_, as_they_lie ? task.frames + begin * channels : copied, begin, channels, task.scratch.panels.data()};
    add_up(task, {begin, end, part.panel_begin, part.panel_end}, tile);
  }
}

/// Rows of windows, over tables that are there.
struct Layer::WindowTile {
  const std::uint8_t *tables;  // of the line where the first window begins
  std::size_t first, across, down_bytes, right_bytes;
  const std::uint8_t *rows[kLookupRows] = {};

  void move(std::size_t slot, unsigned count) {
    std::size_t x = slot % across;
    const std::uint8_t *line = tables + (slot / across - first / across) * down_bytes;
    for (unsigned r = 0; r < count; ++r, ++x) {
      if (x == across) x = 0, line += down_bytes;
      rows[r] = line + x * right_bytes;
    }
  }

  void make(const Slice &) {}
};

void Layer::look_up_windows(const Task &task, const Part &part) const {
  const Geometry &g = geometry_;
  const std::size_t across = std::size_t(g.out_width), per_frame = slots_per_frame();
  for (std::size_t begin = part.row_begin, end; begin < part.row_end; begin = end) {
    end = std::min({part.row_end, (begin / per_frame + 1) * per_frame, (begin / across + band_rows()) * across});
    make_lines(task, begin, end);
    WindowTile tile{task.scratch.panels.data(), begin, across, g.stride_y * lookup_->line_bytes, g.stride_x * lookup_->pixel_bytes};
    add_up(task, {begin, end, part.panel_begin, part.panel_end}, tile);
  }
}

/// Tables of all that rows begin ... end-1 see, which are of one frame.
void Layer::make_lines(const Task &task, std::size_t begin, std::size_t end) const {
  const Geometry &g = geometry_;
  const Tables &t = *lookup_;
  const std::size_t channels = std::size_t(g.channels), across = std::size_t(g.out_width), width = std::size_t(g.width);
  const auto make = [&](const std::uint8_t *codes, std::size_t pixels, std::uint8_t *to) {
    t.how->make(codes, channels, pixels, channels, t.high, to);
  };
  // Of a pixel outside the image, made once, behind all others.
  std::uint8_t *tables = task.scratch.panels.data(), *outside = tables + table_bytes() - t.pixel_bytes;
  const std::vector<std::uint8_t> zeros(pads_.empty() ? channels : 0);
  make(pads_.empty() ? zeros.data() : pads_.data(), 1, outside);
  const auto fill = [&](std::uint8_t *to, std::size_t pixels) {
    for (std::size_t i = 0; i < pixels; ++i) std::memcpy(to + i * t.pixel_bytes, outside, t.pixel_bytes);
  };
  const std::uint8_t *frame = task.frames + begin / slots_per_frame() * g.in_bytes();
  const auto top = [&](std::size_t slot) { return int(slot / across % std::size_t(g.out_height)) * g.stride_y - g.before_y; };
  const std::size_t whole = t.line_bytes / t.pixel_bytes, left = std::size_t(g.before_x);
  for (int y = top(begin); y < top(end - 1) + g.kernel_y; ++y, tables += t.line_bytes) {
    if (y < 0 || y >= g.height) {
      fill(tables, whole);
      continue;
    }
    fill(tables, left);
    make(frame + std::size_t(y) * width * channels, width, tables + left * t.pixel_bytes);
    fill(tables + (left + width) * t.pixel_bytes, whole - left - width);
  }
}

}  // namespace resflow
