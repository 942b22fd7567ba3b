-- Lists of services for machine.os, where what boots by itself is not what is wanted.
--
--   local services = include "parts/services.lua"
--   os = services.list(services.nx, services.memory { frames = 0 }, services.pfs)
local services = {}

services.nx = { { service = "nx" } }
services.pfs = {
  { service = "pfs_meta" }, { service = "pfs_server" }, { service = "pfs_client" },
}

-- PFS whose names are kept on the first I/O node, in the file system that has its parts of files:
-- they outlive a crash of the service node.  options: by service, as machine.os has them.
function services.kept(options)
  local all = {
    { service = "nx" }, { service = "file_server" },
    { service = "pfs_meta", names = { { layer = "remote", group = "io" } } },
    { service = "pfs_server" }, { service = "pfs_client" },
  }
  for _, entry in ipairs(all) do
    for key, value in pairs(options and options[entry.service] or {}) do entry[key] = value end
  end
  return all
end

-- The files of the first I/O node, for workload.system = "files".
services.files = {
  { service = "nx" }, { service = "file_server" },
  { service = "file_client", files = { { layer = "remote" } } },
}

-- Vesta's store as the one layer of a stack; `options`: its parameters.
local function store(options)
  local layer = { layer = "vesta_store" }
  for key, value in pairs(options or {}) do layer[key] = value end
  return { layer }
end

-- The files of the first I/O node in Vesta's store, which has checkpoints.
function services.stored(options)
  return {
    { service = "nx" }, { service = "file_server", files = store(options) },
    { service = "file_client", files = { { layer = "remote" } } },
  }
end

-- Vesta, for workload.system = "vesta"; its cache are the buffers of the I/O nodes' file systems.
services.vesta = {
  { service = "nx" },
  { service = "vesta_server",
    lfs = { buffered = true, block = "64KiB", cache = 256, read_ahead = 8, files = 512 } },
  { service = "vesta_client" },
}

-- PFS's files and modes made of Vesta's, for workload.system = "pfs_on_vesta".
services.pfs_on_vesta = {
  services.vesta[1], services.vesta[2], services.vesta[3], { service = "ranks" },
}

-- Vesta over its own store: files have checkpoints.
function services.vesta_stored(options)
  return {
    { service = "nx" }, { service = "vesta_server", files = store(options) },
    { service = "vesta_client" },
  }
end

-- Memory servers: on the I/O nodes, or `on` another group; frames, disk_pages, page.
function services.memory(options)
  local entry = { service = "memory_server" }
  for key, value in pairs(options) do entry[key] = value end
  return { entry }
end

-- Every compute node lends so many frames to the others.
function services.lent(frames)
  return services.memory { on = "compute", frames = frames, disk_pages = 0 }
end

-- Checkpoints of programs, for a machine with graph = graphs.cuts, or svm_cuts; options: of the
-- services cut (algorithm, unordered, fanout, fallback) and ckpt.  A sweep of the network passes
-- all nodes.
function services.checkpoints(options)
  local entry, all = { service = "ckpt" }, {}
  local cut = { algorithm = "sns" }
  for key, value in pairs(options or {}) do
    if key == "algorithm" or key == "unordered" or key == "fanout" or key == "fallback" then
      cut[key] = value
    else
      entry[key] = value
    end
  end
  local groups = cut.algorithm == "ns" and { "compute", "io", "service" } or { "compute" }
  for _, group in ipairs(groups) do
    local on = { service = "cut", on = group }
    for key, value in pairs(cut) do on[key] = value end
    all[#all + 1] = on
  end
  all[#all + 1] = entry
  return all
end

-- An archive on tapes: a library's repository, its mounts, movers on the nodes with drives, the
-- storage server.  options: parameters by service.
function services.archive(options)
  local all = {
    { service = "pvr" }, { service = "pvl" }, { service = "mover" }, { service = "storage" },
    { service = "archive" },
  }
  for _, entry in ipairs(all) do
    for key, value in pairs(options and options[entry.service] or {}) do entry[key] = value end
  end
  return all
end

-- The same with bitfiles: files of the archive, by number, and by name.
function services.bitfiles(options)
  local all = services.archive(options)
  for _, name in ipairs { "bitfile", "bitfile_client", "name_server", "name_client" } do
    local entry = { service = name }
    for key, value in pairs(options and options[name] or {}) do entry[key] = value end
    all[#all + 1] = entry
  end
  return all
end

-- One list of several.
function services.list(...)
  local all = {}
  for _, part in ipairs { ... } do
    for _, entry in ipairs(part) do all[#all + 1] = entry end
  end
  return all
end

return services
