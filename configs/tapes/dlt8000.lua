-- Quantum DLT8000 (1999), DLTtape IV, 541 m: 168 in/s reading, 175 in/s searching and rewinding;
-- rewind 60 s in the mean, 120 s at most, access from the beginning the same; load 37 s, unload
-- 17 s: manualshelf DLT 8000 user guide p. 33.
return {
    kind = "tape",
    model = "DLT8000",
    format = {
        name = "DLT8000",
        layout = "linear",    -- its manual's access times are those of a search right to the place
        tracks = 52,          -- ASSUMED(541 m at 168 in/s are 127 s, at 6 MB/s 1/52 of 40 GB)
        track = "769230769B",
        gap = "0B",           -- in the rate
        mark = "4096B",       -- ASSUMED(a small block)
        rate = "6MB/s",       -- 40 GB, 6 MB/s: from memory
        search = "6250kB/s",  -- 175 / 168 of reading
        rewind = "0",
    },
    buffer = { size = "8MB" }, -- ASSUMED(a second of data)
    load = "37s",
    load_blank = "60s",       -- Quantum DLTtape handbook p. 67
    unload = "17s",
    hitch = "2500ms",         -- ASSUMED(as a DLT 4000)
    command = "1ms",          -- ASSUMED(as a DLT 4000)
    command_streaming = "1ms", -- ASSUMED(the same)
    interface = "20MB/s",     -- ASSUMED(wide SCSI-2)
    bus = { rate = "20MB/s" }, -- its own, where it is on no other
    largest = "262144B",      -- ASSUMED(what hosts of the time used)
    early_warning = "16MB",   -- ASSUMED(the buffer must find room)
}
