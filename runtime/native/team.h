// Threads that work together.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace resflow {

/// Where `size` threads wait for each other, in the middle of work that takes microseconds.
class Barrier {
 public:
  explicit Barrier(unsigned size) : size_(size) {}
  unsigned size() const { return size_; }
  void wait();

 private:
  const unsigned size_;
  std::atomic<unsigned> waiting_{0}, round_{0};
};

/// Runs a function in several threads, the caller's among them. They sleep in between.
class Pool {
 public:
  explicit Pool(unsigned threads);
  ~Pool();

  unsigned threads() const { return threads_; }

  /// work(0) ... work(threads - 1), all at the same time; returns when all have. `work` must not throw.
  void run(const std::function<void(unsigned)> &work);

 private:
  struct Crew;
  const unsigned threads_;
  std::unique_ptr<Crew> crew_;
};

}  // namespace resflow
