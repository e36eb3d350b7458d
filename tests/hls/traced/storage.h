// In place of resflow/storage.h: prints each array that is bound, and the memory it is bound to.
#pragma once

#include <cstddef>
#include <cstdio>

namespace resflow {

enum class Storage { kRegisters, kLutram, kBram };

template <Storage storage>
struct Memory {
  template <class T, std::size_t words>
  static void holds(T (&)[words]) {
    print<T, 1, words>();
  }

  template <class T, std::size_t memories, std::size_t words>
  static void holds(T (&)[memories][words]) {
    print<T, memories, words>();
  }

 private:
  template <class T, std::size_t memories, std::size_t words>
  static void print() {
    static bool printed = false;
    const char *kind = storage == Storage::kRegisters ? "registers" : storage == Storage::kLutram ? "lutram" : "bram";
    if (!printed) std::printf("array %s: %zu of %zu words of %d bits\n", kind, memories, words, int(T::width));
    printed = true;
  }
};

}  // namespace resflow
