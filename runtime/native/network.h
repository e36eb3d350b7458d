// A whole network: stem, residual blocks and head, over batches of frames and several threads.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "layer.h"

namespace resflow {

struct Block {
  std::vector<Layer> convs;
  std::optional<Layer> bypass;                 // none: the identity
  std::optional<CodeLevels> entry, aside;      // of the main branch, and of the bypass
  bool apart = false;                          // what comes in is written through the entry, or into a border, before it is multiplied
  bool bypass_apart = false;                   // and for the bypass through its own
  std::uint8_t zero = 0, high = 0;

  std::size_t in_bytes() const { return convs.front().geometry().in_bytes(); }
  std::size_t out_bytes() const { return convs.back().out_bytes(); }

  /// Settles how codes lie between the layers, and which of them pass the entry's thresholds.
  void connect();
};

struct Head {
  std::size_t pixels, inputs, classes, top;
  bool takes_maximum;  // over all pixels, instead of the sum
  std::uint8_t zero;
  std::optional<Levels> levels;  // of what the pool gives, whose code is `low` + how many are not above it
  std::int32_t low;
  std::int32_t lift;  // what was taken off every weight
  bool small;  // nothing that is multiplied exceeds 16 bits
  std::vector<std::int32_t> bias;
};

/// Copies of what passes between blocks, for one frame: the stem's codes and those of each block.
using Trace = std::vector<std::uint8_t *>;

/// Seconds that the calling thread spent in each step, by its name: the layers, `pool` and `head`.
using Times = std::map<std::string, double>;

class Network {
 public:
  Network(std::optional<CodeLevels> entry, Layer stem, std::optional<Geometry> pool, std::vector<Block> blocks, Head head, const Kernels &kernels, unsigned threads);
  ~Network();

  /// Labels [frames][top] and scores [frames][classes] of images; weights are [classes][inputs]. May be called from several
  /// threads, which then wait for each other.
  void run(const std::uint8_t *images, std::size_t frames, const std::int8_t *weights, std::uint32_t *labels, std::int32_t *scores,
           const Trace *trace = nullptr, Times *times = nullptr);

  /// In a forked child, while it has one thread: another thread of the parent may have been in `run`.
  void after_fork();

  /// Products below which one thread is faster than waking the others and waiting for them after every layer: some 100 microseconds.
  std::size_t worth_a_team = std::size_t(1) << 22;

  /// The name of the path of each layer.
  std::vector<std::pair<std::string, std::string>> paths() const;
  /// How the sums of each layer become codes.
  std::vector<std::pair<std::string, std::string>> ways() const;
  /// (height, width, channels) of what a trace shows.
  std::vector<std::array<std::size_t, 3>> trace_shapes() const;
  const Head &head() const { return head_; }
  const Geometry &input() const { return stem_.geometry(); }

 private:
  struct Segment {
    std::size_t begin, end;  // blocks
    std::size_t frames;      // at a time
  };
  struct Memory;
  struct Workshop;
  struct Worker;

  std::vector<const Layer *> layers() const;  // stem, then block by block, the bypass last
  std::size_t stem_bytes() const;
  static std::size_t frames_at_a_time(const Block &block);
  std::unique_ptr<Memory> reserve(std::size_t frames) const;
  void prepare(std::size_t alone, std::size_t together);

  void run_group(const Worker &worker, const std::uint8_t *images, std::size_t frames, const std::int8_t *weights,
                 std::int32_t *scores, const Trace *trace) const;
  void run_stem(const Worker &worker, const std::uint8_t *images, std::size_t frames, std::uint8_t *out) const;
  const std::uint8_t *run_image(const Worker &worker, const std::uint8_t *image) const;
  void run_entry(const Worker &worker, const std::optional<CodeLevels> &entry, const Layout &layout, const std::uint8_t *in,
                 std::size_t frames, std::uint8_t *out) const;
  void run_block(const Worker &worker, const Block &block, const std::uint8_t *in, std::size_t frames, std::uint8_t *out) const;
  void run_head(const Worker &worker, const std::uint8_t *codes, std::size_t frames, const std::int8_t *weights,
                std::int32_t *scores) const;

  std::optional<CodeLevels> entry_;  // of the image
  Layer stem_;
  std::optional<Geometry> pool_;
  std::vector<Block> blocks_;
  std::vector<Segment> segments_;
  Head head_;
  const Kernels &kernels_;
  const unsigned threads_;
  std::size_t products_ = 0;  // of all layers, for one frame
  std::unique_ptr<Workshop> workshop_;
};

}  // namespace resflow
