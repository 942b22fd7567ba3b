-- IBM 3480 (1984): 18 tracks written at once, in one pass.
-- Capacity 200 MB, 3 MB/s: micha.freeshell.org Tech_34X0.  38 kB/in, gap 2 mm, mark 1 mm, 157.4 m
-- of data: discmaster ibmmain/2124.  Buffer 2 MB, channel 4.5 MB/s: seismic-data-transcription.
-- Up to 30 s to position, some 20 s to mount and thread in a silo: chilton-computing ccd/data/p002;
-- less the 11 s that a mount took at NSCEE.
return {
    kind = "tape",
    model = "IBM 3480",
    format = {
        name = "3480",
        layout = "linear",
        tracks = 1,
        track = "235470400B", -- 157.4 m of 1496 B/mm
        gap = "2992B",
        mark = "1496B",
        rate = "3MB/s",
        search = "7849kB/s",  -- 30 s for the whole
        rewind = "4906kB/s",  -- ASSUMED(48 s for the whole, from memory)
    },
    buffer = { size = "2MB", start = 1 },
    load = "9s",
    unload = "5s",            -- ASSUMED(half of loading)
    hitch = "150ms",          -- ASSUMED(0.1 to 0.2 s, from memory)
    command = "1ms",          -- ASSUMED(near an EXB-8505's)
    command_streaming = "1ms", -- ASSUMED(the same)
    interface = "4500kB/s",
    largest = "65535B",       -- channel programs
    early_warning = "3MB",    -- ASSUMED(the buffer must find room)
}
