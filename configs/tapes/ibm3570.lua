-- IBM 3570 (1996): 128 tracks, 4 at once, loaded and rewound in the middle of the tape.
-- 5 GB, 2.2 MB/s, ready in 8 s: datasystemsplus 243.
return {
    kind = "tape",
    model = "IBM 3570",
    format = {
        name = "3570",
        layout = "linear",
        tracks = 32,
        track = "156250kB",
        gap = "0B",           -- ASSUMED(in the rate)
        mark = "4096B",       -- ASSUMED(a small block)
        rate = "2200kB/s",
        search = "11MB/s",    -- ASSUMED(five times reading: half the tape in 7 s)
        rewind = "0",
        turn = "1s",          -- ASSUMED(a small reel)
        wrap = "500ms",       -- ASSUMED(the same)
        load_point = 0.5,
    },
    buffer = { size = "2MB" }, -- ASSUMED(a second of data)
    load = "8s",
    unload = "5s",            -- ASSUMED(less than loading)
    hitch = "1s",             -- ASSUMED(a small reel)
    command = "1ms",          -- ASSUMED(as a 3480)
    command_streaming = "1ms", -- ASSUMED(as a 3480)
    interface = "20MB/s",     -- ASSUMED(fast and wide SCSI-2)
    bus = { rate = "20MB/s" }, -- its own, where it is on no other
    largest = "262144B",      -- ASSUMED(what hosts of the time used)
    early_warning = "8MB",    -- ASSUMED(the buffer must find room)
}
