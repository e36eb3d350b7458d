// A convolution with its thresholds, ready to run on one path.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernels.h"
#include "thresholds.h"

namespace resflow {

/// Bytes on a cache line boundary, not initialised.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t size);
  std::uint8_t *data() const { return data_.get(); }

 private:
  struct Free {
    void operator()(std::uint8_t *data) const;
  };
  std::unique_ptr<std::uint8_t, Free> data_;
};

/// What a layer is made from; the arrays are read once.
struct Description {
  std::string name;
  Geometry geometry;
  std::size_t outputs;
  unsigned input_high;  // largest code that comes in
  bool bipolar;         // weights are -1 and +1
  bool wide;            // weights are unsigned bytes, some above 127
  const std::int8_t *weights;      // [outputs][inputs]
  const std::int32_t *thresholds;  // [outputs][levels]
  unsigned levels;
};

/// Memory of one thread.
struct Scratch {
  Buffer rows, panels;
};

/// Rows (output pixels of all frames) and panels (of output channels) to compute.
struct Part {
  std::size_t row_begin, row_end, panel_begin, panel_end;
};

class Layer {
 public:
  /// Takes the first of `candidates` that can do it.
  Layer(const Description &description, const std::vector<const Kernels *> &candidates);

  /// The thresholds are passed by what comes in, before it is multiplied; only for windows of one pixel.
  void set_entry(const CodeLevels &levels) { entry_ = levels.entry(); }
  /// Whoever owns the input has no slack behind it, so it must not be multiplied where it is.
  void set_foreign() { direct_ = false; }

  const std::string &name() const { return name_; }
  const Kernels &kernels() const { return *kernels_; }
  const Geometry &geometry() const { return geometry_; }
  std::size_t outputs() const { return outputs_; }
  std::size_t out_bytes() const { return geometry_.out_pixels() * outputs_; }

  /// The share of one thread of `threads` when all work on `frames`.
  Part part(std::size_t frames, unsigned thread, unsigned threads) const;

  /// Codes of `part` from whole frames to whole frames; join.bypass is the first byte of the bypass's frames.
  void run(const std::uint8_t *frames, const Part &part, const Join &join, std::uint8_t *out, const Scratch &scratch) const;

  std::size_t scratch_row_bytes() const;
  std::size_t scratch_panel_bytes() const;

 private:
  std::size_t panel_count() const { return (outputs_ + kPanel - 1) / kPanel; }
  std::size_t panel_bytes() const { return chunks_ * kChunk * kPanel; }
  bool expand_all(std::size_t panels) const;
  std::size_t block_rows(std::size_t panels) const;
  void pack(const std::int8_t *weights);
  const std::int8_t *panel(std::size_t index, std::uint8_t *scratch) const;

  std::string name_;
  Geometry geometry_;
  std::size_t outputs_, chunks_;
  bool bipolar_, direct_;
  std::optional<Entry> entry_;
  const Kernels *kernels_ = nullptr;
  Kernels::Multiply multiply_ = nullptr;
  Buffer weights_;  // bits of bipolar weights, bytes of others, in the order of the panels
  std::optional<Levels> levels_;
};

}  // namespace resflow
