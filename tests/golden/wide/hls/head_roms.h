// head: constants, a row for each address, as all processing elements read it at once.
// Generated from the parameters of network wide, head. Edit those, not this.
#pragma once

#include <cstdint>

const std::int8_t pooled_thresholds[1][3][14] = {{
    {1, 2, 9, 10, 12, 13, 15, 6, 7, 9, 10, 11, 13, 15},
    {4, 7, 7, 10, 11, 11, 12, 2, 4, 4, 8, 8, 11, 11},
    {2, 4, 5, 7, 7, 11, 15, 1, 6, 8, 8, 10, 10, 10}
}};

const std::uint16_t fc_weights[1][15][1] = {{
    {0x004f},
    {0x0083},
    {0x025c},
    {0x038c},
    {0x02b0},
    {0x00d9},
    {0x0128},
    {0x0035},
    {0x02fb},
    {0x00cb},
    {0x025b},
    {0x03d7},
    {0x012c},
    {0x0212},
    {0x038b}
}};

const std::uint8_t scale_factors[1][5][1] = {{
    {20},
    {50},
    {14},
    {48},
    {31}
}};

const std::int64_t scale_bias[1][5][1] = {{
    {-688},
    {-33},
    {636},
    {930},
    {222}
}};
