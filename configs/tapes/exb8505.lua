-- Exabyte EXB-8505 (8 mm helical scan), 112 m: 5 GB (DEC StorageWorks 8505 guide); a command
-- takes 1.7 / 1.8 ms to write / read from a stop and 3.1 / 3.2 ms streaming
-- (manualsonline exb8505 p. 94).
return {
    kind = "tape",
    model = "EXB-8505",
    format = {
        name = "8mm-112m",
        layout = "helical",
        tracks = 1,
        track = "5GB",
        gap = "0B",           -- in the rate
        mark = "48kB",        -- ASSUMED(some tracks)
        rate = "500kB/s",     -- ASSUMED(from memory)
        search = "37500kB/s", -- ASSUMED(75 times reading, from memory: 133 s from end to end)
        rewind = "41667kB/s", -- ASSUMED(2 min, from memory)
    },
    buffer = { size = "1MB" }, -- ASSUMED(two seconds of data)
    load = "25s",             -- ASSUMED(20 to 30 s, from memory)
    unload = "15s",           -- ASSUMED(less than loading)
    hitch = "1500ms",         -- ASSUMED(1 to 2 s, from memory)
    command = "1750us",       -- the mean of writing and reading
    command_streaming = "3150us", -- the same
    interface = "5MB/s",      -- ASSUMED(SCSI-1 synchronous)
    largest = "245760B",      -- ASSUMED(240 KiB)
    early_warning = "4MB",    -- ASSUMED(the buffer must find room)
}
