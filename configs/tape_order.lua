-- One cartridge, one drive: the time of all that is wanted of it, by the order in which it is
-- served and by how much there is.
--
--   psim figure tape_order
--
-- A full DLT 4000 cartridge, in blocks of 32 KiB; a program asks for `batch` files of 4 blocks at
-- once.  With few the tape is best searched by regret or by sweeps; with some 1,500 it is as well
-- read from end to end [Hillyer & Silberschatz 1996, known here by its results].
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"

local blocks = 620000
local batch = param("batch", 32)

local silo = include("libraries/stk4400.lua")
silo.cells, silo.drives, silo.tape_drives, silo.control = 200, nil, "all", "service"
silo.cartridges = { count = 1, filled = 1, blocks = blocks, block = "32KiB" }

local tape = include("tapes/dlt4000.lua")
tape.cartridge = ""

local function ratio(name, a, b, n, most, least)
  return {
    kind = "ratio", name = name, measure = "restore.time.max", at = { order = a, batch = n },
    over = { order = b, batch = n }, max = most, min = least,
    citation = "Hillyer & Silberschatz 1996, Sandsta & Midtstraum 1999, known by their results",
  }
end

local function guard(name, a, b)
  local x = ratio(name, a, b, 128, 0.95)
  x.citation = nil
  return x
end

return {
  title = "Orders within a cartridge",
  doc = "Random restores from one full cartridge.",
  machine = paragon {
    rows = 2, columns = 2, io_nodes = 1, storage = tape, libraries = { silo = silo },
    nodes = { service = { storage = { kind = "disk" } } },
    os = services.list(services.nx, services.archive {
      storage = { volumes = 1, filled = 1, block = "32KiB", blocks = blocks, batch = 2000 },
      mover = { order = param("order", "loss"), buffers = 8 },
    }),
  },
  workload = {
    kind = "restore", nodes = 1, requests = batch, batch = batch, law = "batch",
    volumes = 1, blocks = blocks, file = 4,
  },
  sweep = { product = {
    order = { "fifo", "sort", "scan", "mpscan", "sltf", "weave", "loss", "whole" },
    batch = { 8, 32, 128, 512, 1536, 2000 },
  } },
  measures = { "restore.time.max", "mover.locates", "mover.blocks", "mover.skipped" },
  figure = {
    x = "batch", y = "restore.time.max", by = "order", log = "xy",
    x_label = "files asked for at once", y_label = "time until all have come",
  },
  expectations = {
    ratio("128: nearest first is better than in order of arrival", "sltf", "fifo", 128, 0.6),
    ratio("128: by regret no worse", "loss", "sltf", 128, 1),
    ratio("128: sweeps with changes no worse", "mpscan", "sltf", 128, 1),
    ratio("512: by regret is better than all of the tape", "loss", "whole", 512, 0.8),
    guard("128: by number is better than in order of arrival", "sort", "fifo"),
    guard("128: a sweep is better than by number", "scan", "sort"),
    guard("128: nearest first is better than a sweep", "sltf", "scan"),
    ratio("1,536: the crossover to all of the tape", "loss", "whole", 1536, 1.05, 0.9),
    {
      kind = "value", name = "128: in order of arrival 72 s each", measure = "restore.time.max",
      at = { order = "fifo", batch = 128 }, equals = 128 * 72, within = 0.1,
      citation = "Hillyer & Silberschatz 1996: a mean locate of 72 s, from memory",
    },
    ratio("2,000: all of the tape is as good", "whole", "loss", 2000, 1.05),
  },
}
