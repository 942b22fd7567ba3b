-- Quantum DLT 4000 (1994), DLTtape IV: 64 pairs of tracks (experts123), one behind the other.
-- 622 k segments of 32 KB, 14 sections of some 704 segments a track, a section read in 15.5 s and
-- skipped in 10 s, locates of 72 s in the mean, 96 s from the beginning, 180 s at most
-- [Hillyer & Silberschatz, SIGMETRICS 1996, from memory].
-- Load 35 to 45 s, 60 s blank: Quantum DLTtape handbook p. 67.  Hard errors: the same, p. 61.
return {
    kind = "tape",
    model = "DLT 4000",
    format = {
        name = "DLT4000",
        layout = "serpentine",
        tracks = 64,
        sections = 14,
        track = "322961408B", -- 14 x 704 x 32 KiB
        gap = "0B",           -- 16 KB of code for 64 KB are in the rate
        mark = "4096B",       -- ASSUMED(a small block)
        rate = "1488314B/s",  -- 704 x 32 KiB in 15.5 s
        search = "2306867B/s", -- and in 10 s
        rewind = "0",         -- as search
        turn = "3s",          -- what the means need beside the sections
        jitter = 0.05,        -- ASSUMED(they differ by cartridge; how far has no source)
    },
    buffer = { size = "2MB" }, -- ASSUMED(a second of data)
    errors = { hard = 8e-17 }, -- 1e-17 a bit, the maker's claim
    load = "40s",
    load_blank = "60s",
    unload = "18s",           -- ASSUMED(17 to 20 s, from memory; 17 s of a DLT8000 in its manual)
    hitch = "2500ms",         -- ASSUMED(2 to 3 s, from memory)
    command = "1ms",          -- ASSUMED(as an EXB-8505)
    command_streaming = "1ms", -- ASSUMED(the same)
    interface = "10MB/s",     -- ASSUMED(fast SCSI-2)
    largest = "262144B",      -- ASSUMED(what hosts of the time used)
    early_warning = "4MB",    -- ASSUMED(the buffer must find room)
}
