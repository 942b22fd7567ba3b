-- Programs of the benchmark suite, as tables for `workload`: each is a pattern of the one loop that
-- all programs of files have, so that every byte is verified and all figures are file.*.
--
--   local suite = include "parts/io_suite.lua"
--   workload = suite.ior { op = "write", nodes = 16, transfer = 256 << 10, block = 1 << 20 }
--
-- Every program takes nodes, system, mode, unit, factor, method, think, sync, work (its time is
-- asked for, not its rate); sizes are numbers of bytes.
local suite = {}

local function bytes(n)
  return string.format("%dB", n)
end

-- What all have in common, and what the program says.
local function workload(o, own)
  local w = {
    kind = "io", warmup = 0, nodes = o.nodes, system = o.system, mode = o.mode, unit = o.unit,
    factor = o.factor, method = o.method, think = o.think, sync = o.sync,
    work = o.work,
  }
  for key, value in pairs(own) do w[key] = value end
  return w
end

-- [Nitzberg] pattern "broadcast", "partitioned" or "interleaved"; op, size of a request, requests
-- of each program.
function suite.nitzberg(o)
  return workload(o, {
    access = o.pattern or "interleaved", op = o.op or "read", size = bytes(o.size or 64 << 10),
    requests = o.requests or 16,
  })
end

-- [Kotz] name "ra", "rn", "rb" ... "wcc"; record, and bytes of the file for each program.
function suite.kotz(o)
  local op = o.name:sub(1, 1) == "w" and "write" or "read"
  local size = o.size or 128 << 10
  return workload(o, {
    access = "array", op = op, size = bytes(size),
    requests = math.max(1, (o.bytes or 640 << 10) // size),
    shape = { distribution = o.name:sub(2), record = bytes(o.record or 8192) },
  })
end

-- IOR: op, transfer, block, segments, file_per_process, fsync (after each transfer), reorder (what
-- was written is read by another program; verified outside the window).
function suite.ior(o)
  local transfer, block = o.transfer or 256 << 10, o.block or 1 << 20
  local own, write = o.file_per_process, (o.op or "write") == "write"
  return workload(o, {
    access = "segmented", op = o.op or "write", file = own and "own" or "shared",
    size = bytes(transfer), requests = (o.segments or 1) * (block // transfer),
    sync = o.fsync and "each" or "close",
    readback = write and o.reorder ~= nil, shift = write and o.reorder and not own and 1 or 0,
    shape = { block = bytes(block) },
  })
end

-- BTIO of NHT-1: variant "full" (all write together in two phases), "simple" (a request a line),
-- "epio" (a file each), or "list" (a request of all lines of a program); class "A" or "B", or grid;
-- dumps; think: the time of five steps.
function suite.btio(o)
  local grid = o.grid or ({ A = 64, B = 102 })[o.class or "A"]
  local epio, variant = o.variant == "epio", o.variant or "full"
  return workload(o, {
    access = epio and "broadcast" or "cells", op = o.op or "write",
    file = epio and "own" or "shared",
    requests = o.dumps or 1, readback = o.readback,
    method = ({ full = "two_phase", simple = "pieces" })[variant],
    size = bytes(epio and (grid ^ 3 * 40 + o.nodes - 1) // o.nodes or 64 << 10),
    shape = { grid = grid },
  })
end

-- Every program writes its memory: bytes in pieces of transfer, to its own part of a file or to a
-- file of its own, and all is on the devices in the end; dumps, think between two pieces.
function suite.checkpoint(o)
  local transfer = o.transfer or 256 << 10
  return workload(o, {
    access = "partitioned", op = o.op or "write", file = o.own and "own" or "shared",
    size = bytes(transfer), requests = (o.dumps or 1) * ((o.bytes or 2 << 20) // transfer),
  })
end

-- Many small files: files of each program, bytes of each, a directory of its own or "shared".
function suite.metadata(o)
  return {
    kind = "metadata", warmup = 0, nodes = o.nodes, system = o.system, unit = o.unit,
    factor = o.factor, requests = o.files or 4, bytes = bytes(o.bytes or 4096),
    directory = o.directory,
  }
end

-- Skeletons of applications, computing left out, of so many bytes in all: docs/models/
-- applications.md.
-- escat: version; quadrature data are written in 8 steps, and read.
function suite.escat(o)
  local record = math.max(1, o.bytes // o.nodes // 32)
  return {
    kind = "escat", nodes = o.nodes, system = o.system, unit = o.unit, factor = o.factor,
    version = o.version, compute = 0, steps = 8, in_place = 0, record = bytes(record),
    region = bytes(8 * record), large = 0,
  }
end

-- htf: passes; integrals are written, and read that often.
function suite.htf(o)
  local passes = o.passes or 3
  return {
    kind = "htf", nodes = o.nodes, system = o.system, unit = o.unit, factor = o.factor,
    compute = 0, passes = passes, more = 0,
    integrals = math.max(1, o.bytes // (passes + 1) // 81920),
  }
end

-- render: half of the bytes are terrain in reads of 128 KiB, half pictures of 64 KiB.
function suite.render(o)
  return {
    kind = "render", nodes = o.nodes, system = o.system, unit = o.unit, factor = o.factor,
    compute = 0, first = 0, rest = math.max(1, o.bytes // (256 << 10)), rest_bytes = "128KiB",
    last_bytes = 0, terrain_files = 1, frame = "64KiB",
    frames = math.max(1, o.bytes // (128 << 10)),
  }
end

-- charisma: jobs; what they move is drawn.
function suite.charisma(o)
  return {
    kind = "charisma", nodes = o.nodes, system = o.system, unit = o.unit, factor = o.factor,
    think = 0, mix = { jobs = o.jobs or 16, seed = o.seed },
  }
end

return suite
