// A convolution with its thresholds, ready to run on one path.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "buffer.h"
#include "kernels.h"
#include "thresholds.h"

namespace resflow {

/// How frames lie in memory: raster order, with a border of pad codes around, or without one. To the right of a row is the border to the
/// left of the next. Each pixel may be followed by those below it, so that windows of few channels are read in fewer, longer pieces.
struct Layout {
  int height, width, channels;
  int top = 0, bottom = 0, left = 0;
  int stacked = 1;  // pixels, the first included

  bool bordered() const { return top + bottom + left > 0 || stacked > 1; }
  bool operator==(const Layout &other) const;
  std::size_t pitch() const { return std::size_t(left) + width; }  // pixels from row to row
  std::size_t pixel_bytes() const { return std::size_t(channels) * stacked; }
  std::size_t row_bytes() const { return pitch() * pixel_bytes(); }
  std::size_t frame_bytes() const { return std::size_t(top + height + bottom) * row_bytes() + left * pixel_bytes(); }
  std::size_t pixel(int y, int x) const { return std::size_t(y + top) * row_bytes() + std::size_t(left + x) * pixel_bytes(); }
};

/// How a layer may have its input.
enum class Input {
  kPlain,     // as it lies
  kBordered,  // or with a border
  kCopied,    // or pixels stacked as well
};

/// What a layer is made from; the arrays are read once.
struct Description {
  std::string name;
  Geometry geometry;
  std::size_t outputs;
  unsigned input_high;             // largest code that comes in
  bool bipolar;                    // weights are -1 and +1
  bool wide;                       // weights are unsigned bytes, some above 127
  const std::int8_t *weights;      // [outputs][inputs]
  const std::uint8_t *pads;        // [channels] outside the input, or null for zeros
  const std::int32_t *thresholds;  // [outputs][levels], or null: sums leave as they are
  unsigned levels;
  std::vector<std::int32_t> low, high;  // least and greatest sum of each output
  Input input;
  bool summed;                     // codes go through the thresholds of a join
};

/// How the sums of a layer are found: by multiplying, or by looking them up.
struct Means {
  const Kernels *kernels;
  const Lookup *lookup = nullptr;

  std::string name() const { return lookup == nullptr ? kernels->name : std::string(kernels->name) + " " + lookup->name; }
};

/// Memory of one thread.
struct Scratch {
  Buffer rows, panels;
};

/// Rows and panels to compute, of what `Layer::slots` says and all panels of output channels.
struct Part {
  std::size_t row_begin, row_end, panel_begin, panel_end;
};

class Layer {
 public:
  Layer(const Description &description, const Means &means);

  /// Whether these can do it.
  static bool suits(const Description &description, const Means &means);

  /// Whether its windows are single pixels, and so can be passed through thresholds on their way to being multiplied.
  bool takes_entry() const { return geometry_.kernel_y == 1 && geometry_.kernel_x == 1; }
  void set_entry(const CodeLevels &levels) { entry_ = levels.entry(); }
  /// Whoever owns the input has no slack behind it, so that it must not be multiplied where it is.
  void set_foreign();
  void set_out(const Layout &layout) { out_ = layout; }
  void set_sum(SumLevels sum);

  const std::string &name() const { return name_; }
  Means means() const { return {kernels_, lookup_ ? lookup_->how : nullptr}; }
  std::string ways() const;  // how its sums become codes
  const Geometry &geometry() const { return geometry_; }
  std::size_t outputs() const { return outputs_; }
  bool gives_sums() const { return !levels_ && !sum_; }                    // int32, instead of codes
  const std::vector<std::uint8_t> &pads() const { return pads_; }         // [kernel_x * channels], empty for zeros
  std::size_t out_bytes() const { return geometry_.out_pixels() * outputs_; }
  const Layout &in() const { return in_; }  // what it wants to read
  std::size_t slack_bytes() const;          // that must be readable behind the input
  std::size_t scratch_row_bytes() const;
  std::size_t scratch_panel_bytes() const;

  /// The share of one thread of `threads` when all work on `frames`.
  Part part(std::size_t frames, unsigned thread, unsigned threads) const;

  /// Codes of `part`, or sums, from whole frames to whole frames; join.bypass is the first byte of the bypass's frames, without borders.
  void run(const std::uint8_t *frames, const Part &part, const Join &join, std::uint8_t *out, const Scratch &scratch) const;

 private:
  /// Where the rows of the matrix product come from.
  enum class Source {
    kDirect,   // from pixels as they lie
    kGather,   // from windows copied to scratch memory
    kRaster,   // from bordered frames; a row for every pixel of their pitch, those in the border for nothing
    kByRow,    // from bordered frames; row by row of the image
  };
  /// What a run works on.
  struct Task {
    const std::uint8_t *frames;
    const Join &join;
    std::uint8_t *out;
    const std::int8_t *expanded;  // panels from panel_begin on, or null if each is expanded when its turn comes
    std::size_t panel_begin;
    const Scratch &scratch;
  };

  /// Tables that are looked up in one after the other, while those of a few rows stay in the first level cache.
  struct Slice {
    std::size_t tables;
    std::size_t begin, channels;  // of a pixel, where windows are single pixels
    std::vector<Run> runs;        // from the start of the window, or of the slice of a pixel
  };

  /// The tables of a layer's inputs. Those of single pixels are made slice by slice, when their turn comes; those of larger windows for
  /// some rows of the image, as windows share them.
  struct Tables {
    const Lookup *how;
    unsigned high;                        // largest code
    std::size_t pixel_bytes, line_bytes;  // of a pixel, and of a row of the image with what surrounds it
    std::size_t count;                    // of a window
    std::vector<Slice> slices;

    std::size_t panel_bytes() const { return count * kPanel; }
  };

  void set_levels(Levels levels);
  void choose_source(Input input);
  std::size_t slots_per_frame() const;
  std::size_t panel_count() const { return (outputs_ + kPanel - 1) / kPanel; }
  std::size_t depth() const { return lines_ * chunks_ * kernels_->chunk; }  // codes of a row, with what fills them up
  std::size_t panel_bytes() const { return depth() * kPanel; }
  bool expand_all(std::size_t panels) const;
  std::size_t block_rows(std::size_t panels) const;
  std::size_t place(int ky, int kx) const;
  void pack(const std::int8_t *weights, const std::vector<unsigned> &scales);
  const std::int8_t *panel(std::size_t index, std::uint8_t *scratch) const;
  std::size_t strip_end(std::size_t slot, std::size_t end) const;
  Rows rows(const std::uint8_t *frames, std::size_t slot) const;
  struct PixelTile;
  struct WindowTile;

  void choose_tables(unsigned high);
  void pack_indices(const std::int8_t *weights);
  std::vector<std::int32_t> excess(const std::int8_t *weights) const;
  std::size_t band_rows() const;
  std::size_t table_bytes() const;
  void look_up(const Task &task, const Part &part) const;
  void look_up_pixels(const Task &task, const Part &part) const;
  void look_up_windows(const Task &task, const Part &part) const;
  void make_lines(const Task &task, std::size_t begin, std::size_t end) const;
  template <class Tile>
  void add_up(const Task &task, const Part &part, Tile &tile) const;
  void run_block(const Task &task, const Rows &rows, const Part &part) const;
  void finish(const Task &task, const Sums &sums, std::size_t slot, unsigned count, std::size_t panel) const;
  void finish_widened(const Task &task, const std::uint16_t *sums, std::size_t slot, unsigned count, std::size_t panel) const;
  void finish_run(const Task &task, const Sums &sums, std::size_t pixel, std::size_t at, unsigned rows, std::size_t panel) const;

  std::string name_;
  Geometry geometry_;
  std::size_t outputs_;
  bool bipolar_;
  Layout in_, out_;
  Source source_ = Source::kGather;
  std::size_t lines_ = 1, chunks_ = 0;
  std::optional<Entry> entry_;
  const Kernels *kernels_ = nullptr;
  Kernels::Multiply multiply_ = nullptr;
  std::optional<Tables> lookup_;
  std::vector<std::int8_t> units_;  // of bipolar weights: the bytes of +1, [panels][kPanel * interleave]
  std::vector<std::int32_t> excess_;  // of looked up sums, where no levels take it off
  Buffer weights_;  // bits of bipolar weights, or indices of tables, and bytes of others, in the order of the panels
  std::vector<std::uint8_t> pads_;
  std::optional<Levels> levels_;
  std::optional<SumLevels> sum_;  // behind the join with the bypass
  std::vector<Panel> panels_;     // of the two, for each panel
  std::vector<Sum> sums_;
};

}  // namespace resflow
