#include "team.h"

namespace resflow {
namespace {

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
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
  std::mutex mutex;
  std::condition_variable start, done;
  const std::function<void(unsigned)> *work = nullptr;
  unsigned long round = 0;
  unsigned busy = 0;
  bool stop = false;
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
    std::unique_lock lock(mutex);
    while (true) {
      start.wait(lock, [&] { return stop || round != seen; });
      if (stop) return;
      seen = round;
      const auto &task = *work;
      lock.unlock();
      task(index);
      lock.lock();
      if (--busy == 0) done.notify_one();
    }
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
  Crew &crew = *crew_;
  {
    const std::lock_guard lock(crew.mutex);
    crew.work = &work;
    crew.busy = threads_ - 1;
    ++crew.round;
  }
  crew.start.notify_all();
  work(0);
  std::unique_lock lock(crew.mutex);
  crew.done.wait(lock, [&] { return crew.busy == 0; });
}

}  // namespace resflow
