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
  for (Layer *layer : {&convs.front(), bypass ? &*bypass : nullptr}) {
    if (layer == nullptr || !entry) continue;
    if (layer->takes_entry()) {
      layer->set_entry(*entry);
    } else {
      apart = true;
    }
  }
  for (std::size_t i = 1; i < convs.size(); ++i) convs[i - 1].set_out(convs[i].in());
}

Network::Network(Layer stem, std::optional<Geometry> pool, std::vector<Block> blocks, Head head, const Kernels &kernels, unsigned threads)
    : stem_(std::move(stem)),
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
    if (in.bordered()) {
      const std::size_t row_bytes = std::size_t(in.width) * in.channels;
      const auto [begin, end] = share(std::size_t(in.height), worker.index, worker.size);
      for (std::size_t y = begin; y < end; ++y) std::memcpy(worker.memory.image.data() + in.pixel(int(y), 0), image + y * row_bytes, row_bytes);
      worker.barrier.wait();
      image = worker.memory.image.data();
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

/// Writes what comes into a block through its entry, row by row to where the first convolution wants it.
void Network::run_entry(const Worker &worker, const Block &block, const std::uint8_t *in, std::size_t frames, std::uint8_t *out) const {
  const Layout &layout = block.convs.front().in();
  const Geometry row{1, layout.width, layout.channels, 1, 1, 1, 1, 0, 0, 1, layout.width};
  const std::size_t bytes = row.in_bytes();
  const auto [begin, end] = share(frames * std::size_t(layout.height), worker.index, worker.size);
  for (std::size_t i = begin; i < end; ++i) {
    const std::size_t frame = i / std::size_t(layout.height), y = i % std::size_t(layout.height);
    std::uint8_t *to = out + frame * layout.frame_bytes() + layout.pixel(int(y), 0);
    if (block.entry) {
      kernels_.gather_entry(row, block.entry->entry(), in + i * bytes, 0, std::size_t(layout.width), to, std::size_t(layout.channels));
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
  const std::uint8_t *act = in;
  if (block.apart) {
    std::uint8_t *to = block.convs.front().in().bordered() ? memory.between(block.convs.front(), 0) : memory.act.data();
    worker.timed("entry", [&] { run_entry(worker, block, in, frames, to); });
    act = to;
  }
  // Either bypass lies where the sum will: what came in is written over, and a projection waits there for its addition. It is
  // complete at the barrier after the first convolution.
  const Join join{out, 0, block.zero, block.high};
  if (block.bypass) run(*block.bypass, block.bypass->takes_entry() ? in : act, Join{}, out);
  const std::uint8_t *codes = block.convs.front().takes_entry() ? in : act;
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
    kernels_.accumulate(codes + f * frame_bytes, head_.pixels, head_.inputs, head_.zero, worker.sums + f * head_.inputs);
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
    for (std::size_t f = 0; f < frames; ++f) {
      std::int32_t *row = scores + f * head_.classes + begin;
      kernels_.dense(weights + begin * head_.inputs, count, head_.inputs, worker.sums + f * head_.inputs, head_.small, row);
      for (std::size_t i = 0; i < count; ++i) row[i] += head_.bias[begin + i] + lifted[f];
    }
  }
}

std::vector<std::pair<std::string, std::string>> Network::paths() const {
  std::vector<std::pair<std::string, std::string>> paths;
  for (const Layer *layer : layers()) paths.emplace_back(layer->name(), layer->kernels().name);
  return paths;
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
