-- Tape drives in step: what a stream gains by them, and what a lost drive costs: nothing but the
-- parity, for every block is read from all tapes at once.
--
--   psim figure tape_stripes
--
-- Each drive moves its part of a block at its own rate, so the data members' rates add up, while
-- the bus carries them: here each drive has its own.
local members, level, dies = param("members", 5), param("level", "rait3"), param("dies", false)
local drive = include "tapes/ibm3590.lua"
local function at(n, of, lost)
    return { members = n, level = of, dies = lost }
end
local function adds(n, of, lost, data)
    return { kind = "ratio", name = string.format("%s of %d%s", of, n, lost and ", one lost" or ""),
             at = at(n, of, lost), over = at(3, "rait3", false), min = 0.97 * data / 2,
             max = 1.03 * data / 2,
             citation = "derived: the rates of the data members add up" }
end
return {
    title = "Tape drives in step: rate of a stream, by members and level",
    doc = "IBM 3590; reads of 250 kB from the beginning of the tapes; one drive dies.",
    devices = { kind = level, members = members, member = drive },
    workload = {
        kind = "tape_io", mode = "read", block = "250kB", requests = 3000,
        -- Without parity nothing could be read: there no drive dies.
        faults = dies and level ~= "rait0" and {
            { path = "dev0.member.1", action = "death", at = "15s" } } or {},
    },
    sweep = {
        product = {
            level = { "rait0", "rait3", "rait5", "rait6" },
            members = { 3, 5, 9 },
            dies = { false, true },
        },
    },
    measures = { "bandwidth", "response.mean", "rait3.reconstructed", "rait5.reconstructed" },
    figure = {
        x = "members", y = "bandwidth", by = "level", where = { dies = false },
        x_label = "drives", y_label = "rate of a stream",
        expectations = {
            adds(5, "rait3", false, 4), adds(9, "rait3", false, 8), adds(9, "rait3", true, 8),
            adds(9, "rait0", false, 9), adds(5, "rait6", false, 3), adds(5, "rait5", true, 4),
        },
    },
}
