-- Ampex DST 310 (DD-2, 19 mm helical scan, 1992), the small cassette: 25 GB, 15 MB/s
-- (Wikipedia "Data Storage Technology").  Blocks of 1,199,840 bytes that hold the host's blocks
-- with 2 bytes each; each section of a file begins a new one; a partition costs 35 blocks; it
-- ejects at the first system zone toward the beginning: Ampex 1308911 p. 34-39, 142, 160, 180.
return {
    kind = "tape",
    model = "DST 310",
    format = {
        name = "DD-2 small",
        layout = "helical",
        tracks = 1,
        track = "24579922240B", -- 25 GB in whole blocks, less 35 for each partition
        gap = "0B",
        mark = "0B",          -- it closes a block
        group = "1199840B",
        group_each = "2B",
        rate = "15MB/s",
        search = "800MB/s",   -- ASSUMED(from memory)
        zones = 10,           -- ASSUMED(a user's choice; at least 235 blocks each)
        zone = "41994400B",   -- 35 blocks
    },
    buffer = { size = "32MB" }, -- ASSUMED(two seconds of data)
    load = "10s",             -- ASSUMED(from memory, weakly)
    unload = "5s",            -- ASSUMED(it does not rewind)
    hitch = "1s",             -- ASSUMED(a large scanner keeps turning)
    command = "1ms",          -- ASSUMED(as an EXB-8505)
    command_streaming = "1ms", -- ASSUMED(the same)
    interface = "20MB/s",     -- ASSUMED(fast and wide SCSI-2)
    bus = { rate = "20MB/s" }, -- its own, where it is on no other
    largest = "1199838B",
    early_warning = "64MB",   -- ASSUMED(the buffer must find room)
}
