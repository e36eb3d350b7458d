// head: constants, a row for each address, as all processing elements read it at once.
// Generated from the parameters of network wide, head. Edit those, not this.
#pragma once

#include <cstdint>

const std::int8_t pooled_thresholds[1][3][14] = {{
    {6, 7, 8, 9, 11, 12, 13, 2, 4, 5, 6, 8, 9, 11},
    {0, 2, 4, 6, 9, 11, 13, 0, 2, 4, 6, 9, 11, 13},
    {7, 8, 9, 10, 11, 12, 13, 4, 5, 6, 8, 9, 10, 12}
}};

const std::uint16_t fc_weights[1][15][1] = {{
    {0x0345},
    {0x012c},
    {0x0340},
    {0x00f4},
    {0x0362},
    {0x032c},
    {0x0391},
    {0x02a0},
    {0x0257},
    {0x016e},
    {0x017f},
    {0x03cc},
    {0x00ca},
    {0x0168},
    {0x0398}
}};

const std::uint8_t scale_factors[1][5][1] = {{
    {35},
    {45},
    {42},
    {48},
    {46}
}};

const std::int64_t scale_bias[1][5][1] = {{
    {-844},
    {-319},
    {-724},
    {969},
    {501}
}};
