-- What the order of mounts and dismounts does to the rate of exchanges of a busy arm.
--
-- An arm that puts away all that is done, and then mounts all that is wanted, goes back with empty
-- hands each time.  Taking a mount after each dismount and a dismount after each mount, HPSS went
-- from 702 exchanges an hour to 894, 78 % and 99 % of the rated number [HPSS collaboration]: the
-- shape is that ratio.  What of an exchange is travel is not published: ASSUMED, so that the level
-- is an input.
--
--   psim figure library_interleave
--   psim run library_interleave -p hands=2     -- the arm exchanges in one tour
local library = include "libraries/ibm3494.lua"
library.hands = param("hands", 1)
library.queue = param("queue", "in_runs")
library.drives = param("drives", 16)
library.cartridges = { count = 1600 }
library.load = "1s"
library.unload = "1s"
-- Drives stand at the end of the aisle, and the arm's hands are quick: travel is what counts.
library.drive_column = 0
library.drive_rows = 16
library.pick = "900ms"
library.place = "900ms"

return {
    title = "Mounts and dismounts interleaved",
    doc = "All drives busy, and always a request that waits: the arm decides.",
    libraries = { aisle = library },
    workload = {
        kind = "library_load",
        mode = "closed",
        outstanding = param("outstanding", 64),
        hold = "1s",
        use = "fixed",
        requests = param("requests", 5000),
        warmup = 500,
    },
    sweep = {
        product = {
            queue = { "in_runs", "fifo", "dismounts_first", "mounts_first", "nearest",
                      "interleave" },
        },
    },
    measures = { "mounts_per_hour", "wait.mean", "rail.empty_ms", "rail.loaded_ms" },
    figure = {
        x = "queue",
        y = "mounts_per_hour",
        x_label = "discipline of the arm",
        y_label = "mounts an hour, each with its dismount",
        expectations = {
            { kind = "ratio", name = "in runs, of interleaved", at = { queue = "in_runs" },
              over = { queue = "interleave" }, equals = 0.788, within = 0.1,
              citation = "HPSS collaboration: 78 % of the rated exchanges, then 99 %",
              calibrated = true },
            { kind = "ratio", name = "interleaving is best", at = { queue = "interleave" },
              over = { queue = "nearest" }, min = 0.999,
              citation = "HPSS collaboration: the arm is never empty" },
        },
    },
}
