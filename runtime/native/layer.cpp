#include "layer.h"

#include <algorithm>
#include <cstring>
#include <tuple>

namespace resflow {
namespace {

constexpr std::size_t kCacheLine = 64;

// Of a second level cache of 1 to 2 MiB: what panels may take when they are expanded once and stay, and what rows may take when
// panels come and go (every panel must meet enough rows to be worth its expansion), or with their codes when panels stay.
constexpr std::size_t kPanelBytes = 512 << 10, kManyRowBytes = 1024 << 10, kFewRowBytes = 192 << 10;

// Cycles: to expand a byte of weights, to gather a byte, and a line of a window; and to have a byte that another processor wrote.
constexpr double kExpandCycles = 1.0 / 12, kByteCycles = 1.0 / 32, kLineCycles = 8, kForeignCycles = 1.0 / 5;

constexpr std::size_t divide_up(std::size_t value, std::size_t by) { return (value + by - 1) / by; }
constexpr std::size_t round_up(std::size_t value, std::size_t to) { return divide_up(value, to) * to; }

/// Levels of sums that are larger by `more` for each output.
Levels raised(const Description &d, const std::vector<std::int32_t> &more) {
  constexpr std::int64_t kMost = INT32_MAX;  // those beyond 32 bits are out of reach before and after
  std::vector<std::int32_t> levels(d.thresholds, d.thresholds + d.outputs * d.levels), low = d.low, high = d.high;
  for (std::size_t n = 0; n < d.outputs; ++n) {
    for (unsigned i = 0; i < d.levels; ++i) {
      std::int32_t &level = levels[n * d.levels + i];
      level = std::int32_t(std::min(std::int64_t(level) + more[n], kMost));
    }
    low[n] += more[n], high[n] += more[n];
  }
  return Levels(levels.data(), d.outputs, d.levels, low, high, {!d.summed, {}});
}

/// Sums in 32 bits, less what was too much, if that is given.
void widen(const std::uint16_t *narrow, unsigned rows, const std::int32_t *excess, std::int32_t *wide) {
  constexpr unsigned kHalf = kPanel / 2;
  for (unsigned r = 0; r < rows; ++r, narrow += kPanel, wide += kPanel) {
    for (unsigned c = 0; c < kPanel; ++c) {
      const std::size_t word = word_of(c);
      wide[c] = word < kHalf ? std::uint16_t(narrow[word] - (narrow[kHalf + word] << 8)) : narrow[word];
    }
    for (unsigned c = 0; excess != nullptr && c < kPanel; ++c) wide[c] -= excess[c];
  }
}

/// The largest magnitude of a channel's weights.
int largest(const Description &d, std::size_t output) {
  const std::size_t inputs = d.geometry.inputs();
  int most = 0;
  for (const std::int8_t *weight = d.weights + output * inputs, *end = weight + inputs; weight < end; ++weight) {
    most = std::max(most, d.wide ? int(std::uint8_t(*weight)) : std::abs(int(*weight)));
  }
  return most;
}

/// How often weights can be doubled without leaving 8 bits.
unsigned room(int largest) {
  unsigned doublings = 0;
  for (int weight = std::max(largest, 1); 2 * weight <= INT8_MAX; weight *= 2) ++doublings;
  return doublings;
}

}  // namespace

bool Layout::operator==(const Layout &other) const {
  const auto fields = [](const Layout &l) { return std::tie(l.height, l.width, l.channels, l.top, l.bottom, l.left, l.stacked); };
  return fields(*this) == fields(other);
}

bool Layer::suits(const Description &d, const Means &means) {
  if (means.lookup == nullptr) return !d.wide || means.kernels->wide != nullptr;
  const std::size_t high = d.input_high;
  return d.bipolar && means.lookup->inputs * high <= UINT8_MAX && d.geometry.inputs() * high <= UINT16_MAX;
}

Layer::Layer(const Description &d, const Means &means)
    : name_(d.name), geometry_(d.geometry), outputs_(d.outputs), bipolar_(d.bipolar), kernels_(means.kernels) {
  out_ = {geometry_.out_height, geometry_.out_width, int(outputs_)};
  panels_.resize(panel_count());
  if (d.pads != nullptr) {
    for (int x = 0; x < geometry_.kernel_x; ++x) pads_.insert(pads_.end(), d.pads, d.pads + geometry_.channels);
    geometry_.pad = pads_.data();  // which stays where it is when the layer is moved
  }
  if (means.lookup != nullptr) {
    lookup_.emplace();
    lookup_->how = means.lookup;
    choose_tables(d.input_high);
    pack_indices(d.weights);
    const std::vector<std::int32_t> more = excess(d.weights);
    if (d.thresholds == nullptr) {
      excess_ = more;
      excess_.resize(panel_count() * kPanel);
    } else {
      set_levels(raised(d, more));
    }
    return;
  }
  std::vector<int> most(outputs_);
  for (std::size_t n = 0; n < outputs_; ++n) most[n] = largest(d, n);
  const bool narrow = std::int64_t(kNarrow) * d.input_high * *std::max_element(most.begin(), most.end()) <= INT16_MAX;
  multiply_ = d.wide ? kernels_->wide : narrow && kernels_->narrow != nullptr ? kernels_->narrow : kernels_->multiply;
  std::vector<unsigned> scales(panel_count() * kPanel);
  if (d.thresholds != nullptr) {
    Origin origin;
    if (kernels_->scales) std::transform(most.begin(), most.end(), std::back_inserter(origin.room), room);
    Levels levels(d.thresholds, outputs_, d.levels, d.low, d.high, origin);
    scales = levels.scales();
    set_levels(std::move(levels));
  }
  choose_source(d.input);
  pack(d.weights, scales);
}

void Layer::set_levels(Levels levels) {
  levels_.emplace(std::move(levels));
  for (std::size_t p = 0; p < panel_count(); ++p) panels_[p] = levels_->panel(p);
}

void Layer::set_sum(SumLevels sum) {
  sum_.emplace(std::move(sum));
  for (std::size_t p = 0; p < panel_count(); ++p) sums_.push_back(sum_->panel(p));
}

void Layer::choose_source(Input input) {
  const Geometry &g = geometry_;
  const std::size_t inputs = g.inputs(), chunk = kernels_->chunk;
  in_ = {g.height, g.width, g.channels};
  lines_ = 1, chunks_ = divide_up(inputs, chunk);
  const bool pixel = g.kernel_y == 1 && g.kernel_x == 1, dense = g.stride_y == 1 && g.stride_x == 1;
  if (pixel) {
    source_ = dense && inputs % chunk == 0 ? Source::kDirect : Source::kGather;
    return;
  }
  // Reading windows out of a bordered image saves the gathering, but multiplies what fills up lines, and pixels in the border.
  source_ = Source::kGather;
  const int after_x = (g.out_width - 1) * g.stride_x + g.kernel_x - g.before_x - g.width;
  const int after_y = (g.out_height - 1) * g.stride_y + g.kernel_y - g.before_y - g.height;
  Layout bordered = in_;
  bordered.left = std::max({g.before_x, after_x, 0}), bordered.top = g.before_y, bordered.bottom = std::max(after_y, 0);
  // Pieces that windows are read in, and chunks of each.
  const auto lines = [&](const Layout &layout) { return divide_up(std::size_t(g.kernel_y), std::size_t(layout.stacked)); };
  const auto chunks = [&](const Layout &layout) { return divide_up(g.kernel_x * layout.pixel_bytes(), chunk); };
  if (input == Input::kCopied && kernels_->stack != nullptr && g.channels <= kStackedChannels) {
    for (Layout tried = bordered; tried.stacked <= g.kernel_y && tried.pixel_bytes() <= kStackedBytes; ++tried.stacked) {
      if (lines(tried) * chunks(tried) < lines(bordered) * chunks(bordered)) bordered = tried;
    }
  }
  const std::size_t padded = lines(bordered) * chunks(bordered) * chunk;
  const std::size_t tile = kernels_->rows / 2;
  const double by_row = double(g.out_height) * double(round_up(std::size_t(g.out_width), tile));
  const double raster = dense ? double(round_up(g.out_height * bordered.pitch(), tile)) : by_row;
  const double columns = double(panel_count() * kPanel) / kernels_->speed, pixels = double(g.out_pixels());
  const double gathered = pixels * (columns * double(chunks_ * chunk) + kByteCycles * double(inputs) + kLineCycles * g.kernel_y);
  const bool fills_up = padded > inputs;
  if (input == Input::kPlain || (fills_up && bipolar_)) return;  // no weight of one bit is zero
  if (std::min(by_row, raster) * columns * double(padded) >= gathered) return;
  source_ = raster <= by_row && dense ? Source::kRaster : Source::kByRow;
  in_ = bordered;
  lines_ = lines(bordered), chunks_ = chunks(bordered);
}

std::string Layer::ways() const {
  constexpr const char *kNames[] = {"scaled", "fixed", "line", "double", "near", "levels"};  // of each `Way`
  std::string text = levels_ ? kNames[std::size_t(levels_->slowest())] : "sums";
  if (sum_) text += sum_->has_planes() ? ", plane" : ", levels";
  return text;
}

void Layer::set_foreign() {
  if (source_ == Source::kDirect) source_ = Source::kGather;
}

std::size_t Layer::slack_bytes() const {
  return kSlackRows * geometry_.stride_x * in_.pixel_bytes() + round_up(geometry_.kernel_x * in_.pixel_bytes(), kernels_->chunk);
}

/// Which input of a row of the matrix product is the first of a pixel of the window.
std::size_t Layer::place(int ky, int kx) const {
  const std::size_t channels = std::size_t(geometry_.channels);
  if (source_ == Source::kDirect || source_ == Source::kGather) return (std::size_t(ky) * geometry_.kernel_x + kx) * channels;
  return ky / in_.stacked * chunks_ * kernels_->chunk + (std::size_t(kx) * in_.stacked + ky % in_.stacked) * channels;
}

void Layer::pack(const std::int8_t *weights, const std::vector<unsigned> &scales) {
  const std::size_t inputs = geometry_.inputs(), channels = std::size_t(geometry_.channels);
  const std::size_t interleave = kernels_->interleave, bytes = panel_count() * panel_bytes();
  weights_ = Buffer(bipolar_ ? divide_up(bytes, 8) : bytes);
  std::memset(weights_.data(), 0, bipolar_ ? divide_up(bytes, 8) : bytes);
  auto *words = reinterpret_cast<std::uint64_t *>(weights_.data());
  if (bipolar_) {
    for (const unsigned scale : scales) units_.insert(units_.end(), interleave, std::int8_t(1 << scale));
  }
  for (std::size_t n = 0; n < outputs_; ++n) {
    const std::int8_t *row = weights + n * inputs;
    const std::size_t start = n / kernels_->columns * depth() * kernels_->columns + n % kernels_->columns * interleave;
    const int unit = 1 << scales[n];
    const auto at = [&](std::size_t k) { return start + k / interleave * interleave * kernels_->columns + k % interleave; };
    for (int y = 0; y < geometry_.kernel_y; ++y) {
      for (int x = 0; x < geometry_.kernel_x; ++x, row += channels) {
        const std::size_t first = place(y, x);
        if (bipolar_) {
          for (std::size_t c = 0; c < channels; ++c) {
            if (row[c] > 0) words[at(first + c) / 64] |= std::uint64_t(1) << at(first + c) % 64;
          }
        } else if (channels % interleave == 0) {  // as nearly everywhere: whole groups follow on each other
          std::uint8_t *to = weights_.data() + at(first);
          for (std::size_t c = 0; c < channels; c += interleave, to += kernels_->columns * interleave) {
            for (std::size_t j = 0; j < interleave; ++j) to[j] = std::uint8_t(row[c + j] * unit);
          }
        } else {
          for (std::size_t c = 0; c < channels; ++c) weights_.data()[at(first + c)] = std::uint8_t(row[c] * unit);
        }
      }
    }
  }
}

const std::int8_t *Layer::panel(std::size_t index, std::uint8_t *scratch) const {
  if (!bipolar_) return reinterpret_cast<const std::int8_t *>(weights_.data() + index * panel_bytes());
  auto *bytes = reinterpret_cast<std::int8_t *>(scratch);
  const std::size_t columns = kernels_->columns, words = depth() * columns / 64;
  for (std::size_t first = index * kPanel; first < (index + 1) * kPanel; first += columns) {
    const auto *bits = reinterpret_cast<const std::uint64_t *>(weights_.data()) + first / columns * words;
    kernels_->expand(bits, words, &units_[first * kernels_->interleave], bytes + (first - index * kPanel) * depth());
  }
  return bytes;
}

bool Layer::expand_all(std::size_t panels) const { return bipolar_ && (panels == 1 || panels * panel_bytes() <= kPanelBytes); }

std::size_t Layer::block_rows(std::size_t panels) const {
  const bool stay = !bipolar_ || expand_all(panels);
  const std::size_t rows = stay ? kFewRowBytes / (depth() + panels * kPanel) : kManyRowBytes / depth();
  return std::max<std::size_t>(1, rows / kernels_->rows) * kernels_->rows;
}

std::size_t Layer::scratch_row_bytes() const {
  if (lookup_) return band_rows() * std::size_t(geometry_.channels);
  // Threads may take fewer panels than there are, which may then be expanded all at once, and go with fewer rows.
  return (std::max(block_rows(1), block_rows(panel_count())) + kSlackRows) * depth();
}

std::size_t Layer::scratch_panel_bytes() const {
  if (lookup_) return table_bytes();
  return bipolar_ ? std::max(panel_bytes(), kPanelBytes) : 0;
}

/// Rows of the matrix product for one frame.
std::size_t Layer::slots_per_frame() const {
  return source_ == Source::kRaster ? std::size_t(geometry_.out_height) * in_.pitch() : geometry_.out_pixels();
}

Part Layer::part(std::size_t frames, unsigned thread, unsigned threads) const {
  const std::size_t slots = frames * slots_per_frame(), panels = panel_count();
  if (threads == 1) return {0, slots, 0, panels};
  if (lookup_) return {slots * thread / threads, slots * (thread + 1) / threads, 0, panels};
  const std::size_t units = divide_up(slots, kernels_->rows);
  // Cycles to expand a panel, to gather a unit of rows and to multiply the two.
  const bool copied = source_ == Source::kGather || entry_.has_value();
  const double expand = bipolar_ ? double(panel_bytes()) * kExpandCycles : 0;
  const double gather = copied ? double(kernels_->rows * depth()) * kByteCycles : 0;
  const double multiply = double(kernels_->rows * panel_bytes()) / kernels_->speed;
  const std::size_t most_units = divide_up(units, threads), most_panels = divide_up(panels, threads);
  const double by_rows = double(panels) * expand + double(most_units) * (gather + double(panels) * multiply);
  // Where panels are shared out, each thread reads what the others wrote: all of the input, and the output when it is read in turn.
  const double foreign = double(frames * (in_.frame_bytes() + out_bytes())) * (1 - 1.0 / threads) * kForeignCycles;
  const double by_panels = double(most_panels) * expand + double(units) * (gather + double(most_panels) * multiply) + foreign;
  const auto share = [&](std::size_t count, unsigned t) { return count * t / threads; };
  if (by_panels < by_rows) return {0, slots, share(panels, thread), share(panels, thread + 1)};
  const auto slot = [&](unsigned t) { return std::min(slots, share(units, t) * kernels_->rows); };
  return {slot(thread), slot(thread + 1), 0, panels};
}

/// The end of the rows from `slot` on that lie at one distance from each other.
std::size_t Layer::strip_end(std::size_t slot, std::size_t end) const {
  if (source_ == Source::kDirect || source_ == Source::kGather) return end;
  const std::size_t strip = source_ == Source::kRaster ? slots_per_frame() : std::size_t(geometry_.out_width);
  return std::min(end, (slot / strip + 1) * strip);
}

Rows Layer::rows(const std::uint8_t *frames, std::size_t slot) const {
  const Geometry &g = geometry_;
  if (source_ == Source::kDirect) return {frames + slot * in_.pixel_bytes(), in_.pixel_bytes(), 1, 0, chunks_};
  const std::size_t frame = slot / slots_per_frame(), rest = slot % slots_per_frame();
  const std::size_t across = source_ == Source::kRaster ? in_.pitch() : std::size_t(g.out_width);
  const int y = int(rest / across) * g.stride_y - g.before_y, x = int(rest % across) * g.stride_x - g.before_x;
  const std::uint8_t *codes = frames + frame * in_.frame_bytes() + in_.pixel(y, x);
  return {codes, g.stride_x * in_.pixel_bytes(), lines_, in_.stacked * in_.row_bytes(), chunks_};
}

void Layer::run(const std::uint8_t *frames, const Part &part, const Join &join, std::uint8_t *out, const Scratch &scratch) const {
  const std::size_t panels = part.panel_end - part.panel_begin;
  if (panels == 0 || part.row_begin >= part.row_end) return;
  Task task{frames, join, out, nullptr, part.panel_begin, scratch};
  if (lookup_) return look_up(task, part);
  if (!bipolar_) {
    task.expanded = panel(part.panel_begin, nullptr);
  } else if (expand_all(panels)) {
    for (std::size_t p = 0; p < panels; ++p) panel(part.panel_begin + p, scratch.panels.data() + p * panel_bytes());
    task.expanded = reinterpret_cast<const std::int8_t *>(scratch.panels.data());
  }
  if (entry_ || source_ == Source::kGather) {
    // In blocks of about the same size, so that the last is worth its panels' expansion, too.
    const std::size_t count = part.row_end - part.row_begin, blocks = divide_up(count, block_rows(panels));
    const std::size_t most = round_up(divide_up(count, blocks), kernels_->rows);
    for (std::size_t begin = part.row_begin; begin < part.row_end; begin += most) {
      const std::size_t end = std::min(begin + most, part.row_end);
      std::uint8_t *copied = scratch.rows.data();
      if (entry_) {
        kernels_->gather_entry(geometry_, *entry_, frames, begin, end - begin, copied, depth());
      } else {
        kernels_->gather(geometry_, frames, begin, end - begin, copied, depth());
      }
      run_block(task, {copied, depth(), 1, 0, chunks_}, {begin, end, part.panel_begin, part.panel_end});
    }
    return;
  }
  // A panel that is expanded now must meet all rows, strip by strip.
  const std::size_t most = task.expanded != nullptr ? panels : 1;
  for (std::size_t index = part.panel_begin; index < part.panel_end; index += most) {
    if (most < panels) task.panel_begin = index, task.expanded = panel(index, scratch.panels.data());
    for (std::size_t begin = part.row_begin; begin < part.row_end;) {
      std::size_t end = strip_end(begin, part.row_end);
      if (most == panels) end = std::min(end, begin + block_rows(panels));
      run_block(task, rows(frames, begin), {begin, end, index, index + most});
      begin = end;
    }
  }
}

void Layer::run_block(const Task &task, const Rows &rows, const Part &part) const {
  alignas(kCacheLine) std::int32_t sums[kMostRows * kPanel];
  const auto multiply = [&](std::size_t slot, const std::int8_t *weights, std::size_t index) {
    const unsigned count = unsigned(std::min<std::size_t>(kernels_->rows, part.row_end - slot));
    Rows here = rows;
    here.codes += (slot - part.row_begin) * rows.stride;
    multiply_(here, count, weights, sums);
    finish(task, {sums, nullptr}, slot, count, index);
  };
  // A few rows stay while panels come by, or, where it has to be expanded first, a panel while rows do.
  if (task.expanded != nullptr) {
    for (std::size_t slot = part.row_begin; slot < part.row_end; slot += kernels_->rows) {
      for (std::size_t index = part.panel_begin; index < part.panel_end; ++index) {
        multiply(slot, task.expanded + (index - task.panel_begin) * panel_bytes(), index);
      }
    }
    return;
  }
  for (std::size_t index = part.panel_begin; index < part.panel_end; ++index) {
    const std::int8_t *weights = panel(index, task.scratch.panels.data());
    for (std::size_t slot = part.row_begin; slot < part.row_end; slot += kernels_->rows) multiply(slot, weights, index);
  }
}

void Layer::finish(const Task &task, const Sums &sums, std::size_t slot, unsigned count, std::size_t panel) const {
  if (sums.narrow != nullptr && (gives_sums() || sum_)) return finish_widened(task, sums.narrow, slot, count, panel);
  if (source_ != Source::kRaster && !out_.bordered()) return finish_run(task, sums, slot, slot * outputs_, count, panel);
  // Run by run of pixels that are neighbours in one row of the image.
  const std::size_t across = source_ == Source::kRaster ? in_.pitch() : std::size_t(out_.width), width = std::size_t(out_.width);
  for (unsigned done = 0; done < count;) {
    const std::size_t row = (slot + done) / across, x = (slot + done) % across;
    const unsigned run = unsigned(std::min<std::size_t>(count - done, across - x));
    if (x < width) {
      const std::size_t frame = row / std::size_t(out_.height), y = row % std::size_t(out_.height);
      const std::size_t at = frame * out_.frame_bytes() + out_.pixel(int(y), int(x));
      finish_run(task, sums + done, (frame * out_.height + y) * width + x, at, unsigned(std::min<std::size_t>(run, width - x)), panel);
    }
    done += run;
  }
}

/// Of what needs 32 bits, looked up in 16.
void Layer::finish_widened(const Task &task, const std::uint16_t *sums, std::size_t slot, unsigned count, std::size_t panel) const {
  alignas(kCacheLine) std::int32_t widened[kLookupRows * kPanel];
  widen(sums, count, levels_ ? nullptr : &excess_[panel * kPanel], widened);
  finish(task, {widened, nullptr}, slot, count, panel);
}

/// Of pixels that follow on each other in the bypass from `pixel` on, and in the output from byte `at` on.
void Layer::finish_run(const Task &task, const Sums &sums, std::size_t pixel, std::size_t at, unsigned rows, std::size_t panel) const {
  const std::size_t column = panel * kPanel;
  const unsigned columns = unsigned(std::min<std::size_t>(kPanel, outputs_ - column));
  if (gives_sums()) {
    std::int32_t *to = reinterpret_cast<std::int32_t *>(task.out) + at + column;
    for (unsigned r = 0; r < rows; ++r) std::copy_n(sums.wide + r * kPanel, columns, to + r * outputs_);
    return;
  }
  Join join = task.join;
  join.stride = outputs_;
  if (join.bypass != nullptr) join.bypass += pixel * outputs_ + column;
  if (join.bypass_sums != nullptr) join.bypass_sums += pixel * outputs_ + column;
  if (sum_) join.sum = &sums_[panel];
  kernels_->finish(sums, rows, columns, panels_[panel], join, task.out + at + column, outputs_);
}

}  // namespace resflow
