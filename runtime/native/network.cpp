#include "network.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <numeric>

#include "memory.h"

namespace resflow {
namespace {

/// The share of thread `index` of `count` things.
std::pair<std::size_t, std::size_t> share(std::size_t count, unsigned index, unsigned threads) {
  return {count * index / threads, count * (index + 1) / threads};
}

/// Labels of the largest scores, best first, the lower label first at equal score.
void best(const std::int32_t *scores, std::size_t classes, std::size_t top, std::uint32_t *labels) {
  std::vector<std::uint32_t> order(classes);
  std::iota(order.begin(), order.end(), 0u);
  const auto better = [&](std::uint32_t a, std::uint32_t b) { return scores[a] != scores[b] ? scores[a] > scores[b] : a < b; };
  std::partial_sort(order.begin(), order.begin() + std::ptrdiff_t(top), order.end(), better);
  std::copy_n(order.begin(), top, labels);
}

/// What the head's pool gives for one frame, and its codes where it has thresholds.
void pool_pixels(const Kernels &kernels, const Head &head, const std::uint8_t *codes, std::int32_t *values) {
  if (head.takes_maximum) {
    std::fill_n(values, head.inputs, std::int32_t(head.zero));
    for (std::size_t i = 0; i < head.pixels; ++i) {
      for (std::size_t c = 0; c < head.inputs; ++c) values[c] = std::max(values[c], std::int32_t(codes[i * head.inputs + c]));
    }
    for (std::size_t c = 0; c < head.inputs; ++c) values[c] -= head.zero;
  } else {
    kernels.accumulate(codes, head.pixels, head.inputs, head.zero, values);
  }
  if (!head.levels) return;
  for (std::size_t begin = 0; begin < head.inputs; begin += kPanel) {
    const unsigned columns = unsigned(std::min<std::size_t>(kPanel, head.inputs - begin));
    std::int32_t sums[kPanel] = {};
    std::uint8_t counts[kPanel];
    std::copy_n(values + begin, columns, sums);
    kernels.finish({sums, nullptr}, 1, columns, head.levels->panel(begin / kPanel), Join{}, counts, kPanel);
    for (unsigned c = 0; c < columns; ++c) values[begin + c] = head.low + counts[c];
  }
}

}  // namespace

/// One thread of a team.
struct Network::Worker {
  unsigned index, size;
  Barrier &barrier;
  const Memory &memory;
  std::int32_t *sums;
  const Scratch &scratch;
  Times *times;

  /// Does a step, and takes the time if it is wanted.
  template <class Step>
  void timed(const std::string &name, const Step &step) const {
    if (times == nullptr) return step();
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    step();
    (*times)[name] += std::chrono::duration<double>(Clock::now() - start).count();
  }
};

void Block::connect() {
  apart = convs.front().in().bordered();
  if (entry && convs.front().takes_entry()) {
    convs.front().set_entry(*entry);
  } else if (entry) {
    apart = true;
  }
  if (aside && bypass && bypass->takes_entry()) {
    bypass->set_entry(*aside);
  } else if (aside) {
    bypass_apart = true;
  }
  for (std::size_t i = 1; i < convs.size(); ++i) convs[i - 1].set_out(convs[i].in());
}

Network::Network(std::optional<CodeLevels> entry, Layer stem, std::optional<Geometry> pool, std::vector<Block> blocks, Head head,
                 const Kernels &kernels, unsigned threads)
    : entry_(std::move(entry)),
      stem_(std::move(stem)),
      pool_(pool),
      blocks_(std::move(blocks)),
      head_(std::move(head)),
      kernels_(kernels),
      threads_(threads),
      workshop_(std::make_unique<Workshop>(threads)) {
  for (const Layer *layer : layers()) products_ += layer->out_bytes() * layer->geometry().inputs();
  stem_.set_foreign();
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const std::size_t frames = frames_at_a_time(blocks_[i]);
    if (segments_.empty() || segments_.back().frames != frames) segments_.push_back({i, i, frames});
    segments_.back().end = i + 1;
  }
}

Network::~Network() = default;

void Network::after_fork() {
  // Its threads are in the parent and cannot be joined here, and its mutex may be locked: it is left as it is.
  workshop_.release();
  workshop_ = std::make_unique<Workshop>(threads_);
}

std::vector<const Layer *> Network::layers() const {
  std::vector<const Layer *> layers{&stem_};
  for (const Block &block : blocks_) {
    for (const Layer &conv : block.convs) layers.push_back(&conv);
    if (block.bypass) layers.push_back(&*block.bypass);
  }
  return layers;
}

std::size_t Network::stem_bytes() const { return pool_ ? pool_->out_pixels() * std::size_t(pool_->channels) : stem_.out_bytes(); }

void Network::run(const std::uint8_t *images, std::size_t frames, const std::int8_t *weights, std::uint32_t *labels, std::int32_t *scores,
                  const Trace *trace, Times *times) {
  Workshop &shop = *workshop_;
  const std::lock_guard lock(shop.mutex);
  // A team of threads takes the frames first ... first+count-1 through the network, each with its own part of every layer.
  const auto team = [&](unsigned thread, unsigned index, Barrier &barrier, Memory &memory, std::size_t first, std::size_t count) {
    const Worker worker{index, barrier.size(), barrier, memory, memory.sums.data(), shop.scratch[thread], thread == 0 ? times : nullptr};
    run_group(worker, images + first * stem_.geometry().in_bytes(), count, weights, scores + first * head_.classes, trace);
  };
  const auto crew = [&](std::size_t count) { return count * products_ < worth_a_team ? 1u : threads_; };
  const auto together = [&](unsigned threads, const std::function<void(unsigned)> &work) {
    threads == 1 ? work(0) : shop.pool.run(work);
  };
  // Every thread takes frames of its own as long as there are enough for all; the rest they do together.
  std::size_t done = 0;
  const unsigned threads = crew(frames);
  while (done < frames && frames - done >= threads) {
    const std::size_t each = std::min(kGroup, (frames - done) / threads), groups = (frames - done) / (each * threads) * threads;
    prepare(each, 0);
    std::atomic<std::size_t> next{0};
    together(threads, [&](unsigned thread) {
      kernels_.enter();
      Barrier nobody(1);
      for (std::size_t i = next++; i < groups; i = next++) team(thread, 0, nobody, *shop.alone[thread], done + i * each, each);
      kernels_.leave();
    });
    done += groups * each;
  }
  if (done < frames) {
    prepare(0, frames - done);
    const unsigned left = crew(frames - done);
    Barrier all(left);
    together(left, [&](unsigned thread) {
      kernels_.enter();
      team(thread, thread, all, *shop.together, done, frames - done);
      kernels_.leave();
    });
  }
  for (std::size_t f = 0; f < frames; ++f) best(scores + f * head_.classes, head_.classes, head_.top, labels + f * head_.top);
}

void Network::run_group(const Worker &worker, const std::uint8_t *images, std::size_t frames, const std::int8_t *weights,
                        std::int32_t *scores, const Trace *trace) const {
  const Memory &memory = worker.memory;
  const auto show = [&](std::size_t index, const std::uint8_t *codes, std::size_t bytes) {
    if (trace != nullptr && worker.index == 0) std::memcpy((*trace)[index], codes, bytes);
  };
  unsigned side = 0;
  run_stem(worker, images, frames, memory.border[side].data());
  show(0, memory.border[side].data(), stem_bytes());
  for (const Segment &segment : segments_) {
    const std::size_t in_bytes = blocks_[segment.begin].in_bytes(), out_bytes = blocks_[segment.end - 1].out_bytes();
    std::size_t turn = segment.end;  // the last block that does not write over what came in
    while (turn > segment.begin && !blocks_[turn - 1].bypass) --turn;
    for (std::size_t first = 0; first < frames; first += segment.frames) {
      const std::size_t count = std::min(segment.frames, frames - first);
      std::uint8_t *codes = memory.border[side].data() + first * in_bytes;
      for (std::size_t i = segment.begin; i < segment.end; ++i) {
        std::uint8_t *out = codes;
        if (blocks_[i].bypass) out = i + 1 == turn ? memory.border[1 - side].data() + first * out_bytes : memory.inner[i % 2].data();
        run_block(worker, blocks_[i], codes, count, out);
        show(i + 1, out, blocks_[i].out_bytes());
        codes = out;
      }
    }
    if (turn > segment.begin) side = 1 - side;
  }
  worker.timed("head", [&] { run_head(worker, memory.border[side].data(), frames, weights, scores); });
}

void Network::run_stem(const Worker &worker, const std::uint8_t *images, std::size_t frames, std::uint8_t *out) const {
  const Part part = stem_.part(1, worker.index, worker.size);
  const Layout &in = stem_.in();
  for (std::size_t f = 0; f < frames; ++f) {
    const std::uint8_t *image = images + f * stem_.geometry().in_bytes();
    if (in.bordered() || entry_) {
      worker.timed("entry", [&] { image = run_image(worker, image); });
    }
    std::uint8_t *codes = pool_ ? worker.memory.stem.data() : out + f * stem_bytes();
    worker.timed(stem_.name(), [&] { stem_.run(image, part, Join{}, codes, worker.scratch); });
    worker.barrier.wait();
    if (!pool_) continue;
    const auto [begin, end] = share(pool_->out_pixels(), worker.index, worker.size);
    std::uint8_t *to = out + f * stem_bytes() + begin * std::size_t(pool_->channels);
    worker.timed("pool", [&, begin = begin, end = end] { kernels_.pool(*pool_, codes, begin, end - begin, to); });
    worker.barrier.wait();
  }
}

/// Writes an image through the entry, if there is one, and to where the stem wants it.
const std::uint8_t *Network::run_image(const Worker &worker, const std::uint8_t *image) const {
  const Layout &in = stem_.in();
  std::uint8_t *out = worker.memory.image.data();
  if (in.stacked == 1) {
    run_entry(worker, entry_, in, image, 1, out);
    return out;
  }
  if (entry_) {
    run_entry(worker, entry_, {in.height, in.width, in.channels}, image, 1, worker.memory.act.data());
    image = worker.memory.act.data();
  }
  const std::size_t pixels = std::size_t(in.width), channels = std::size_t(in.channels), stacked = std::size_t(in.stacked);
  std::vector<std::uint8_t> outside(pixels * channels);
  if (!stem_.pads().empty()) {
    for (std::size_t i = 0; i < outside.size(); ++i) outside[i] = stem_.pads()[i % channels];
  }
  std::vector<const std::uint8_t *> rows(stacked);
  const auto [begin, end] = share(std::size_t(in.top + in.height + in.bottom), worker.index, worker.size);
  for (int y = int(begin) - in.top; y < int(end) - in.top; ++y) {
    for (int i = 0; i < in.stacked; ++i) {
      const bool inside = y + i >= 0 && y + i < in.height;
      rows[std::size_t(i)] = inside ? image + std::size_t(y + i) * pixels * channels : outside.data();
    }
    kernels_.stack(rows.data(), pixels, channels, stacked, out + in.pixel(y, 0));
  }
  worker.barrier.wait();
  return out;
}

/// Writes codes through an entry, if there is one, row by row to where a convolution wants them.
void Network::run_entry(const Worker &worker, const std::optional<CodeLevels> &entry, const Layout &layout, const std::uint8_t *in,
                        std::size_t frames, std::uint8_t *out) const {
  const Geometry row{1, layout.width, layout.channels, 1, 1, 1, 1, 0, 0, 1, layout.width};
  const std::size_t bytes = row.in_bytes();
  const auto [begin, end] = share(frames * std::size_t(layout.height), worker.index, worker.size);
  for (std::size_t i = begin; i < end; ++i) {
    const std::size_t frame = i / std::size_t(layout.height), y = i % std::size_t(layout.height);
    std::uint8_t *to = out + frame * layout.frame_bytes() + layout.pixel(int(y), 0);
    if (entry) {
      kernels_.gather_entry(row, entry->entry(), in + i * bytes, 0, std::size_t(layout.width), to, std::size_t(layout.channels));
    } else {
      std::memcpy(to, in + i * bytes, bytes);
    }
  }
  worker.barrier.wait();
}

void Network::run_block(const Worker &worker, const Block &block, const std::uint8_t *in, std::size_t frames, std::uint8_t *out) const {
  const Memory &memory = worker.memory;
  const auto run = [&](const Layer &layer, const std::uint8_t *from, const Join &join, std::uint8_t *to) {
    worker.timed(layer.name(), [&] { layer.run(from, layer.part(frames, worker.index, worker.size), join, to, worker.scratch); });
  };
  const Layer &first = block.convs.front();
  const std::uint8_t *codes = in, *other = in;
  if (block.apart) {
    std::uint8_t *to = first.in().bordered() ? memory.between(first, 0) : memory.act.data();
    worker.timed("entry", [&] { run_entry(worker, block.entry, first.in(), in, frames, to); });
    codes = to;
  }
  if (block.bypass_apart) {
    const Layout layout{first.in().height, first.in().width, first.in().channels};
    worker.timed("entry", [&] { run_entry(worker, block.aside, layout, in, frames, memory.aside.data()); });
    other = memory.aside.data();
  }
  // Either bypass lies where the sum will, unless it has an entry or gives sums: what came in is written over, and a projection waits
  // there for its addition. It is complete at the barrier after the first convolution.
  Join join;
  join.zero = block.zero, join.high = block.high, join.bypass = out;
  if (block.bypass && block.bypass->gives_sums()) {
    join.bypass = nullptr, join.bypass_sums = reinterpret_cast<const std::int32_t *>(memory.sums_aside.data());
    run(*block.bypass, other, Join{}, memory.sums_aside.data());
  } else if (block.bypass) {
    run(*block.bypass, other, Join{}, out);
  } else if (block.bypass_apart) {
    join.bypass = other;
  }
  for (std::size_t i = 0; i < block.convs.size(); ++i) {
    const bool last = i + 1 == block.convs.size();
    std::uint8_t *to = last ? out : memory.between(block.convs[i + 1], i + 1);
    run(block.convs[i], codes, last ? join : Join{}, to);
    worker.barrier.wait();
    codes = to;
  }
}

void Network::run_head(const Worker &worker, const std::uint8_t *codes, std::size_t frames, const std::int8_t *weights,
                       std::int32_t *scores) const {
  const std::size_t frame_bytes = head_.pixels * head_.inputs;
  for (std::size_t f = worker.index; f < frames; f += worker.size) {
    pool_pixels(kernels_, head_, codes + f * frame_bytes, worker.sums + f * head_.inputs);
  }
  worker.barrier.wait();
  constexpr std::size_t kTogether = 64;  // classes, whose weights then stay in the cache for all frames
  const auto [first, end] = share(head_.classes, worker.index, worker.size);
  std::vector<std::int32_t> lifted(frames);
  for (std::size_t f = 0; f < frames && head_.lift != 0; ++f) {
    const std::int32_t *sums = worker.sums + f * head_.inputs;
    lifted[f] = std::accumulate(sums, sums + head_.inputs, std::int32_t(0)) * head_.lift;
  }
  for (std::size_t begin = first; begin < end; begin += kTogether) {
    const std::size_t count = std::min(kTogether, end - begin);
    kernels_.dense(weights + begin * head_.inputs, count, head_.inputs, worker.sums, frames, head_.small, scores + begin, head_.classes);
    for (std::size_t f = 0; f < frames; ++f) {
      std::int32_t *row = scores + f * head_.classes + begin;
      for (std::size_t i = 0; i < count; ++i) row[i] += head_.bias[begin + i] + lifted[f];
    }
  }
}

std::vector<std::pair<std::string, std::string>> Network::paths() const {
  std::vector<std::pair<std::string, std::string>> paths;
  for (const Layer *layer : layers()) paths.emplace_back(layer->name(), layer->means().name());
  return paths;
}

std::vector<std::pair<std::string, std::string>> Network::ways() const {
  std::vector<std::pair<std::string, std::string>> ways;
  for (const Layer *layer : layers()) ways.emplace_back(layer->name(), layer->ways());
  return ways;
}

std::vector<std::array<std::size_t, 3>> Network::trace_shapes() const {
  const Geometry &after = pool_ ? *pool_ : stem_.geometry();
  std::vector<std::array<std::size_t, 3>> shapes{{std::size_t(after.out_height), std::size_t(after.out_width), stem_.outputs()}};
  for (const Block &block : blocks_) {
    const Layer &last = block.convs.back();
    shapes.push_back({std::size_t(last.geometry().out_height), std::size_t(last.geometry().out_width), last.outputs()});
  }
  return shapes;
}

}  // namespace resflow
