-- HP C2249A: 1.38 GB, 17 surfaces; its description has no slipped tracks.  Zones, skews, spares:
-- sources as in hp_c224x.lua.
return merge(include("disks/hp_c224x.lua"), {
    model = "HP C2249A",
    geometry = {
        heads = 17,
        zones = {
            { first = 0, last = 558, sectors = 96, offset = 0, front = 1632, track_skew = 14,
              cylinder_skew = 32, spares = 425 },
            { first = 559, last = 760, sectors = 92, offset = 14, track_skew = 13,
              cylinder_skew = 30, spares = 170 },
            { first = 761, last = 901, sectors = 88, offset = 73, track_skew = 13,
              cylinder_skew = 29, spares = 85 },
            { first = 902, last = 1051, sectors = 84, offset = 80, track_skew = 12,
              cylinder_skew = 28, spares = 102 },
            { first = 1052, last = 1193, sectors = 80, offset = 52, track_skew = 12,
              cylinder_skew = 27, spares = 68 },
            { first = 1194, last = 1519, sectors = 72, offset = 0, track_skew = 11,
              cylinder_skew = 24, spares = 136 },
            { first = 1520, last = 1793, sectors = 64, offset = 32, track_skew = 10,
              cylinder_skew = 22, spares = 102 },
            { first = 1794, last = 2050, sectors = 56, offset = 30, track_skew = 9,
              cylinder_skew = 19, spares = 85 },
        },
    },
})
