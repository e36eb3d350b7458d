// Memory for codes and weights.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace resflow {

/// Bytes on a cache line boundary, not initialised; large ones in huge pages, if the system has some. Matrix products jump through
/// memory with strides of a page and more, and would spend their time looking up addresses.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t size);
  std::uint8_t *data() const { return data_.get(); }

 private:
  struct Free {
    std::size_t alignment;
    void operator()(std::uint8_t *data) const;
  };
  std::unique_ptr<std::uint8_t, Free> data_{nullptr, Free{1}};
};

}  // namespace resflow
