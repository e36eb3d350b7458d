#include "buffer.h"

#include <algorithm>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace resflow {
namespace {

constexpr std::size_t kCacheLine = 64, kHugePage = 2 << 20;

std::uint8_t *allocate(std::size_t size, std::size_t alignment) {
  return static_cast<std::uint8_t *>(::operator new(size, std::align_val_t(alignment)));
}

}  // namespace

Buffer::Buffer(std::size_t size) {
  const bool large = size >= kHugePage / 4;
  const std::size_t alignment = large ? kHugePage : kCacheLine;
  size = (std::max<std::size_t>(size, 1) + alignment - 1) / alignment * alignment;
  data_ = std::unique_ptr<std::uint8_t, Free>(allocate(size, alignment), Free{alignment});
#if defined(__linux__)
  if (large) madvise(data_.get(), size, MADV_HUGEPAGE);  // a wish: nothing depends on it
#endif
}

void Buffer::Free::operator()(std::uint8_t *data) const { ::operator delete(data, std::align_val_t(alignment)); }

}  // namespace resflow
