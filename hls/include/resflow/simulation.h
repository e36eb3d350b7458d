// Firings counted in C simulation, so that a bench can hold every process against the cycles of its design.
//
// A process calls fire<Tag>() once per iteration of its loop. Under synthesis the body is empty and nothing is left of it.
//
// Misuse: two processes of one Tag are counted together, and a loop that does not call fire() counts 0: the bench fails with
// `firings instead of`. The counters are not locked: processes run one after the other here, never in threads.
#pragma once

namespace resflow {

#ifndef __SYNTHESIS__
template <class Tag>
unsigned long &firings() {
  static unsigned long count = 0;
  return count;
}

/// Of all processes together: tells a bench that looks at single reads and writes in which firing they were made.
inline unsigned long &firings_of_all() {
  static unsigned long count = 0;
  return count;
}
#endif

template <class Tag>
void fire() {
#pragma HLS INLINE
#ifndef __SYNTHESIS__
  ++firings<Tag>();
  ++firings_of_all();
#endif
}

}  // namespace resflow
