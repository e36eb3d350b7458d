// stem: constants, a row for each address, as all processing elements read it at once.
// Generated from the parameters of network toy, stem. Edit those, not this.
#pragma once

#include <cstdint>

const std::uint64_t conv_weights[1][18][1] = {{
    {0x0000cd9f494103f9},
    {0x00007af49fa48873},
    {0x0000e7e2a2bf7252},
    {0x000000b467ec5ecf},
    {0x00004085c3c153c5},
    {0x0000ffc78f0c24e8},
    {0x00007b9dfc5d8795},
    {0x000097763f095640},
    {0x00000acb39f3d451},
    {0x00005a452439c66c},
    {0x00004d17b778d2a9},
    {0x000057d8c2ca04eb},
    {0x00002c02141fec9d},
    {0x0000407b02dc46f4},
    {0x00000ba58d6a451c},
    {0x00002e9151378aed},
    {0x00005f4942f55f07},
    {0x00004d0eb1f58fde}
}};

const std::int32_t conv_thresholds[1][2][6] = {{
    {-121868, -31711, 58447, -109602, -42376, 24851},
    {-23222, 32790, 88803, -7505, 33378, 74262}
}};
