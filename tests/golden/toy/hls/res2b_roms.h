// res2b: constants, a row for each address, as all processing elements read it at once.
// Generated from the parameters of network toy, res2b. Edit those, not this.
#pragma once

#include <cstdint>

const std::int8_t entry_thresholds[1][2][9] = {{
    {3, 7, 10, 6, 11, 15, 6, 9, 13},
    {7, 11, 14, 6, 8, 10, 8, 10, 12}
}};

const std::uint16_t conv1_weights[1][2][1] = {{
    {0x0900},
    {0x0312}
}};

const std::int8_t conv1_thresholds[1][1][12] = {{
    {-2, 1, 3, 0, 3, 5, -1, 2, 4, -1, 1, 3}
}};

const std::uint8_t conv2_weights[1][36][1] = {{
    {0x08},
    {0x04},
    {0x0d},
    {0x09},
    {0x07},
    {0x00},
    {0x00},
    {0x04},
    {0x00},
    {0x00},
    {0x00},
    {0x00},
    {0x04},
    {0x09},
    {0x06},
    {0x0c},
    {0x00},
    {0x06},
    {0x04},
    {0x00},
    {0x05},
    {0x00},
    {0x05},
    {0x08},
    {0x0a},
    {0x08},
    {0x06},
    {0x0a},
    {0x0a},
    {0x08},
    {0x00},
    {0x00},
    {0x04},
    {0x00},
    {0x05},
    {0x02}
}};

const std::int8_t conv2_thresholds[1][2][6] = {{
    {-8, 0, 7, -10, -1, 7},
    {-3, 4, 11, -10, 1, 11}
}};

const std::uint32_t conv3_weights[1][3][1] = {{
    {0x0065cc77},
    {0x00a4dcca},
    {0x00d7d0f3}
}};

const std::int8_t conv3_thresholds[1][3][30] = {{
    {-15, -13, -10, -7, -5, -2, 1, 3, 6, 9, 11, 14, 17, 19, 22, -9, -8, -7, -5, -4, -2, -1, 0, 2, 3, 5, 6, 7, 9, 10},
    {-13, -11, -8, -6, -4, -2, 0, 2, 4, 6, 8, 10, 12, 15, 17, -15, -14, -13, -12, -10, -9, -8, -7, -6, -4, -3, -2, -1, 0, 1},
    {-9, -8, -6, -5, -4, -3, -1, 0, 1, 2, 4, 5, 6, 8, 9, -13, -11, -10, -8, -7, -6, -4, -3, -1, 0, 2, 3, 5, 6, 8}
}};
