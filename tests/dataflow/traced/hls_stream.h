// A stand-in for hls::stream that tells every read and write, with the number of the firing it was made in.
#pragma once

#include <cstdio>
#include <deque>
#include <string>

namespace resflow {
inline unsigned long &firings_of_all();
}

namespace hls {

template <class T>
class stream {
 public:
  explicit stream(const char *name) : name_(name) {}

  T read() {
    tell("read");
    const T beat = beats_.front();
    beats_.pop_front();
    return beat;
  }

  void write(const T &beat) {
    tell("write");
    beats_.push_back(beat);
  }

  bool empty() const { return beats_.empty(); }
  std::size_t size() const { return beats_.size(); }

 private:
  std::string name_;
  std::deque<T> beats_;

  void tell(const char *what) const { std::printf("%lu %s %s\n", resflow::firings_of_all(), what, name_.c_str()); }
};

}  // namespace hls
