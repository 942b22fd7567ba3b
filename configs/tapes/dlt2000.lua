-- Quantum DLT 2000 (1993), DLTtape III: 10 GB, 1.25 MB/s, in 64 pairs of tracks as a DLT 4000.
-- 356 m: manualshelf dlt-8000 p. 33.
return merge(include("tapes/dlt4000.lua"), {
    model = "DLT 2000",
    format = {
        name = "DLT2000",
        track = "156250kB",
        rate = "1250kB/s",
        search = "1937500B/s", -- ASSUMED(15.5 / 10 of reading, as a DLT 4000)
    },
})
