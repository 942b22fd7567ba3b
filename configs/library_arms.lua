-- Drives against arms: how long a request waits for its cartridge, by load.
--
-- Few drives saturate while the arm is idle most of the time; once there are enough of them the arm
-- is what more requests wait for, and a second one helps.  A request uses its drive for three
-- minutes in the mean, and 30 s more to load and unload.
--
--   psim figure library_arms
--   psim run library_arms -p hands=2          -- the arms exchange in one tour
--   psim run library_arms -p share=halves     -- each arm serves its own half of the aisle
local library = include "libraries/ibm3494.lua"
local rate = param("rate", 60)
-- Arms and drives of each variant.
local variants = {
    ["1 arm, 8 drives"] = { 1, 8 },
    ["2 arms, 8 drives"] = { 2, 8 },
    ["1 arm, 32 drives"] = { 1, 32 },
    ["2 arms, 32 drives"] = { 2, 32 },
}
local which = variants[param("has", "1 arm, 8 drives")]
if which == nil then error("has is one of the sweep's") end

library.arms = which[1]
library.drives = which[2]
library.hands = param("hands", 1)
library.share = param("share", "any")
library.queue = param("queue", "fifo")
library.cartridges = { count = 1600 }

return {
    title = "Drives against arms",
    doc = "An aisle with 1600 cartridges, requests at exponential intervals.",
    libraries = { aisle = library },
    workload = {
        kind = "library_load",
        gap = string.format("%.0fms", 3600000 / rate),
        hold = "3min",
        requests = param("requests", 4000),
        warmup = param("warmup", 400),
    },
    sweep = {
        product = {
            rate = { 20, 60, 100, 140, 180, 220, 260, 300 },
            has = { "1 arm, 8 drives", "2 arms, 8 drives", "1 arm, 32 drives",
                    "2 arms, 32 drives" },
        },
    },
    measures = { "wait.mean", "wait.drive.mean", "wait.arm.mean", "mount.mean",
                 "mounts_per_hour" },
    figure = {
        x = "rate",
        y = "wait.mean",
        by = "has",
        log = "y",
        x_label = "requests an hour",
        y_label = "mean time until the cartridge is mounted",
        expectations = {
            { kind = "ratio", name = "at 140 an hour drives are what is missing",
              at = { rate = 140, has = "1 arm, 32 drives" },
              over = { rate = 140, has = "2 arms, 8 drives" }, max = 0.1,
              citation = "derived: 8 drives of 210 s and a mount serve fewer than 137 an hour" },
            { kind = "ratio", name = "and a second arm does not help",
              at = { rate = 100, has = "2 arms, 8 drives" },
              over = { rate = 100, has = "1 arm, 8 drives" }, min = 0.6, max = 1.05,
              citation = "derived: the arm is busy for less than half of the time" },
            { kind = "ratio", name = "at 300 an hour arms are",
              at = { rate = 300, has = "2 arms, 32 drives" },
              over = { rate = 300, has = "1 arm, 32 drives" }, max = 0.5,
              citation = "derived: an arm takes more than 12 s for a mount and its dismount" },
            { kind = "monotone", of = { has = "1 arm, 32 drives" }, direction = "rising",
              slack = 0.05,
              citation = "derived: the wait rises with the load" },
        },
    },
}
