// res2b: constants, a row for each address, as all processing elements read it at once.
// Generated from the parameters of network toy, res2b. Edit those, not this.
#pragma once

#include <cstdint>

const std::int8_t entry_thresholds[1][2][9] = {{
    {4, 7, 14, 5, 12, 14, 5, 14, 15},
    {5, 8, 11, 3, 4, 7, 6, 8, 11}
}};

const std::uint16_t conv1_weights[1][2][1] = {{
    {0x0094},
    {0x0060}
}};

const std::int8_t conv1_thresholds[1][1][12] = {{
    {-5, 1, 5, -2, -1, 2, -5, -4, 5, -2, 0, 5}
}};

const std::uint8_t conv2_weights[1][36][1] = {{
    {0x0c},
    {0x05},
    {0x02},
    {0x0a},
    {0x02},
    {0x01},
    {0x06},
    {0x0a},
    {0x0e},
    {0x04},
    {0x04},
    {0x09},
    {0x04},
    {0x05},
    {0x04},
    {0x00},
    {0x00},
    {0x08},
    {0x05},
    {0x01},
    {0x04},
    {0x00},
    {0x09},
    {0x03},
    {0x02},
    {0x0e},
    {0x01},
    {0x02},
    {0x00},
    {0x00},
    {0x06},
    {0x04},
    {0x00},
    {0x08},
    {0x01},
    {0x00}
}};

const std::int8_t conv2_thresholds[1][2][6] = {{
    {4, 15, 17, -11, 10, 12},
    {-14, -13, -10, -13, -4, 14}
}};

const std::uint32_t conv3_weights[1][3][1] = {{
    {0x001f0d96},
    {0x0022a85e},
    {0x00ddccfd}
}};

const std::int8_t conv3_thresholds[1][3][30] = {{
    {-19, -12, -9, -4, 0, 0, 4, 4, 4, 5, 5, 6, 7, 12, 13, -18, -11, -9, -8, -6, -5, 1, 1, 3, 4, 5, 7, 10, 11, 11},
    {-21, -21, -13, -12, -12, -11, -11, -9, -6, -1, -1, 1, 7, 11, 13, -18, -16, -14, -10, -8, -7, -2, -1, -1, 1, 3, 7, 8, 9, 10},
    {-21, -20, -20, -18, -17, -6, 3, 4, 7, 9, 10, 11, 12, 13, 14, -18, -18, -15, -12, -11, -10, -10, -9, 1, 2, 4, 5, 5, 12, 12}
}};
