#include "team.h"

#include <chrono>

namespace resflow {
namespace {

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Whether something happens soon, as it does when images are classified one after the other: to sleep and to be woken takes longer than
/// many a layer.
template <class Happens>
bool happens_soon(const Happens &happens) {
  using Clock = std::chrono::steady_clock;
  constexpr auto kSoon = std::chrono::microseconds(100);
  constexpr unsigned kLooks = 64;  // between looks at the clock
  const auto end = Clock::now() + kSoon;
  do {
    for (unsigned i = 0; i < kLooks; ++i) {
      if (happens()) return true;
      relax();
    }
  } while (Clock::now() < end);
  return false;
}

}  // namespace

void Barrier::wait() {
  if (size_ == 1) return;
  const unsigned round = round_.load(std::memory_order_acquire);
  if (waiting_.fetch_add(1, std::memory_order_acq_rel) + 1 == size_) {
    waiting_.store(0, std::memory_order_relaxed);
    round_.store(round + 1, std::memory_order_release);
    return;
  }
  constexpr unsigned kSpins = 4096;  // some ten microseconds, then others may have the CPU
  for (unsigned spins = 0; round_.load(std::memory_order_acquire) == round; ++spins) {
    if (spins < kSpins) {
      relax();
    } else {
      std::this_thread::yield();
    }
  }
}

struct Pool::Crew {
  std::mutex mutex;  // of those who sleep
  std::condition_variable start, done;
  const std::function<void(unsigned)> *work = nullptr;
  std::atomic<unsigned long> round{0};
  std::atomic<unsigned> busy{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;

  explicit Crew(unsigned helpers) {
    try {
      for (unsigned i = 1; i <= helpers; ++i) threads.emplace_back([this, i] { serve(i); });
    } catch (...) {
      dismiss();
      throw;
    }
  }

  void serve(unsigned index) {
    unsigned long seen = 0;
    const auto called = [&] { return stop.load(std::memory_order_acquire) || round.load(std::memory_order_acquire) != seen; };
    while (true) {
      if (!happens_soon(called)) {
        std::unique_lock lock(mutex);
        start.wait(lock, called);
      }
      if (stop.load(std::memory_order_acquire)) return;
      ++seen;
      (*work)(index);
      if (busy.fetch_sub(1, std::memory_order_acq_rel) > 1) continue;
      const std::lock_guard lock(mutex);  // or who waits might look before and sleep behind this
      done.notify_one();
    }
  }

  void run(const std::function<void(unsigned)> &task) {
    work = &task;
    busy.store(unsigned(threads.size()), std::memory_order_relaxed);
    {
      const std::lock_guard lock(mutex);
      round.fetch_add(1, std::memory_order_release);
    }
    start.notify_all();
    task(0);
    const auto all_done = [&] { return busy.load(std::memory_order_acquire) == 0; };
    if (happens_soon(all_done)) return;
    std::unique_lock lock(mutex);
    done.wait(lock, all_done);
  }

  void dismiss() {
    {
      const std::lock_guard lock(mutex);
      stop = true;
    }
    start.notify_all();
    for (std::thread &thread : threads) thread.join();
  }
};

Pool::Pool(unsigned threads) : threads_(threads) {}

Pool::~Pool() {
  if (crew_ != nullptr) crew_->dismiss();
}

void Pool::run(const std::function<void(unsigned)> &work) {
  if (threads_ == 1) return work(0);
  if (crew_ == nullptr) crew_ = std::make_unique<Crew>(threads_ - 1);
  crew_->run(work);
}

}  // namespace resflow
