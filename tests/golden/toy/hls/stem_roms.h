// stem: constants, cut the way its processing elements read them.
// Generated from the parameters of network toy, stem. Edit those, not this.
#pragma once

#include <cstdint>

const std::uint32_t conv_weights[2][18][1] = {
    {{0x004103f9}, {0x00a48873}, {0x00bf7252}, {0x00ec5ecf}, {0x00c153c5}, {0x000c24e8}, {0x005d8795}, {0x00095640}, {0x00f3d451}, {0x0039c66c}, {0x0078d2a9}, {0x00ca04eb}, {0x001fec9d}, {0x00dc46f4}, {0x006a451c}, {0x00378aed}, {0x00f55f07}, {0x00f58fde}},
    {{0x00cd9f49}, {0x007af49f}, {0x00e7e2a2}, {0x0000b467}, {0x004085c3}, {0x00ffc78f}, {0x007b9dfc}, {0x0097763f}, {0x000acb39}, {0x005a4524}, {0x004d17b7}, {0x0057d8c2}, {0x002c0214}, {0x00407b02}, {0x000ba58d}, {0x002e9151}, {0x005f4942}, {0x004d0eb1}}
};

const std::int32_t conv_thresholds[2][2][3] = {
    {{-101687, -47710, -8365}, {52564, 108391, 115279}},
    {{-137237, -92401, 113318}, {-63078, -10820, 120219}}
};
