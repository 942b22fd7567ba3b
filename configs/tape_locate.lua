-- How long does a drive take to a block?  Random locates on a full tape, by drive; from block to
-- block, and each from the beginning.  docs/models/tape.md has what is published beside it.
local drive = param("drive", "dlt4000")

local function mean(of, from, min, max, citation)
    return { measure = "response.mean", at = { drive = of, ["workload.from"] = from }, min = min,
             max = max, citation = citation }
end
local function most(of, from, max, citation)
    return { measure = "response.max", at = { drive = of, ["workload.from"] = from }, max = max,
             citation = citation }
end
local hillyer = "Hillyer & Silberschatz 1996 (from memory); the drive's turn is calibrated by it"
local quantum = "DLT 8000 user guide p. 33"
return {
    title = "Tape drives: time to a block at random",
    doc = "A full tape; locates from block to block, or each from the beginning.",
    devices = include("tapes/" .. drive .. ".lua"),
    workload = { kind = "tape_io", mode = "locate", requests = 2000 },
    sweep = {
        product = {
            drive = { "ibm3480", "ibm3490e", "ibm3590", "ibm3570", "dlt2000", "dlt4000", "dlt8000",
                      "exb8505", "dst310" },
            ["workload.from"] = { "last", "beginning" },
        },
    },
    expectations = {
        mean("dlt4000", "last", "68s", "76s", hillyer),       -- 72 s
        mean("dlt4000", "beginning", "90s", "101s", hillyer), -- 96 s
        most("dlt4000", "beginning", "185s", hillyer),        -- 180 s at most
        mean("dlt8000", "beginning", "57s", "64s", quantum),  -- 60 s
        most("dlt8000", "beginning", "124s", quantum),        -- 120 s
        most("ibm3480", "beginning", "30s", "chilton-computing ccd/data/p002: up to 30 s"),
        mean("ibm3590", "last", "26s", "32s", "27 to 31 s (from memory); its turn is calibrated"),
    },
    measures = { "response.mean", "response.p99", "response.max" },
}
