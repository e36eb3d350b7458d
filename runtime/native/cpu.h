// Which paths this CPU can run.
#pragma once

#include <string>
#include <vector>

#include "kernels.h"

namespace resflow {

/// Best first; the last one is always the portable path. Asks the system for AMX once.
const std::vector<const Kernels *> &available_kernels();

}  // namespace resflow
