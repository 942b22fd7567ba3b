-- IBM 3590 B (1995): 128 tracks, 16 at a time: 8 passes out and back.
-- 10 GB, 9 MB/s (7 at first), the drive goes to track and place without reading:
-- storagenewsletter 2022-09-30, easymanua.ls AS/400e p. 404.
return {
    kind = "tape",
    model = "IBM 3590",
    format = {
        name = "3590",
        layout = "linear",
        tracks = 8,
        track = "1250MB",     -- 10 GB in 8 passes, 139 s each
        gap = "0B",           -- ASSUMED(in the rate)
        mark = "4096B",       -- ASSUMED(a small block)
        rate = "9MB/s",
        search = "16667kB/s", -- ASSUMED(75 s for the whole, from memory: rewind 60 to 75 s)
        rewind = "0",
        turn = "3s",          -- ASSUMED(so that the mean locate is 28 s; 27 to 31 s from memory)
        wrap = "1s",          -- ASSUMED(stop, step, start)
    },
    buffer = { size = "8MB" }, -- ASSUMED(a second of data)
    load = "15s",             -- ASSUMED(10 to 20 s, from memory)
    unload = "10s",           -- ASSUMED(less than loading)
    hitch = "2s",             -- ASSUMED(between a 3480 and LTO)
    command = "1ms",          -- ASSUMED(as a 3480)
    command_streaming = "1ms", -- ASSUMED(as a 3480)
    interface = "20MB/s",     -- ASSUMED(fast and wide SCSI-2)
    bus = { rate = "20MB/s" }, -- its own, where it is on no other
    largest = "262144B",      -- ASSUMED(what hosts of the time used)
    early_warning = "16MB",   -- ASSUMED(the buffer must find room)
}
