-- HP C2247A: 1.05 GB, 13 surfaces.  Zones, skews, spares, slips: sources as in hp_c224x.lua.
return merge(include("disks/hp_c224x.lua"), {
    model = "HP C2247A",
    geometry = {
        heads = 13,
        zones = {
            { first = 0, last = 558, sectors = 96, offset = 0, front = 1632, track_skew = 14,
              cylinder_skew = 32, spares = 325,
              slips = { 468, 526, 1204, 1861, 2447, 2680, 3098, 3683, 4880, 4919, 6952, 7095 } },
            { first = 559, last = 760, sectors = 92, offset = 14, track_skew = 13,
              cylinder_skew = 30, spares = 130, slips = { 231, 868, 1125, 1458, 1479, 1492 } },
            { first = 761, last = 901, sectors = 88, offset = 73, track_skew = 13,
              cylinder_skew = 29, spares = 65, slips = { 585, 996, 1401, 1810 } },
            { first = 902, last = 1051, sectors = 84, offset = 80, track_skew = 12,
              cylinder_skew = 28, spares = 78, slips = { 582, 595, 699 } },
            { first = 1052, last = 1193, sectors = 80, offset = 52, track_skew = 12,
              cylinder_skew = 27, spares = 52, slips = { 569, 1098, 1518 } },
            { first = 1194, last = 1519, sectors = 72, offset = 0, track_skew = 11,
              cylinder_skew = 24, spares = 104, slips = { 693, 1489, 3102, 3115 } },
            { first = 1520, last = 1793, sectors = 64, offset = 32, track_skew = 10,
              cylinder_skew = 22, spares = 78, slips = { 1980, 1993, 3505 } },
            { first = 1794, last = 2050, sectors = 56, offset = 30, track_skew = 9,
              cylinder_skew = 19, spares = 65, slips = { 1512, 2506, 3320 } },
        },
    },
})
