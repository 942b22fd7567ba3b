# Vesta: every view verifies, written and read, in each mode; what cannot be is refused, by check too.
. tests/system/lib.sh
config vesta <<'END'
local paragon = include "machines/paragon.lua"
local op, view, system = param("op", "write"), param("view", true), param("system", "vesta")
return {
  machine = paragon {
    rows = 2, columns = 4, io_nodes = 2,
    os = system == "vesta" and {
      { service = "nx" }, { service = "vesta_server", lfs = { files = param("files", 16) } },
      { service = "vesta_client" },
    } or nil,
  },
  workload = {
    kind = "io", system = system, op = op, access = "array", view = view, mode = param("mode", ""),
    readback = op == "write" and param("mode", "") ~= "shared", warmup = 0, size = param("size", "32KiB"),
    requests = param("requests", 2), nodes = 4, unit = param("unit", "4KiB"), factor = param("factor", 8),
    uid = param("uid", 0), own_users = param("uid", 0) > 0, perm = param("perm", "rw-rw-rw-"), guests = param("guests", 0),
    shape = { record = "4KiB", rows = param("rows", 8), distribution = param("part", "bn"), order = param("order", "rows") },
  },
  sweep = { product = {
    part = { "bn", "nc", "bb", "cc" }, op = { "write", "read" } } },
}
END
run() { "$PSIM" run "$T/vesta.lua" -q --no-store "$@"; }
check() { "$PSIM" check "$T/vesta.lua" "$@"; }
gives 0 run
gives 0 run -p mode=independent -p part=bb
gives 0 run -p order=columns -p 'part={"bn","nb","bb","bc"}'
gives 0 run -p order=columns -p system=pfs -p view=false -p part=cc -p factor=2
gives 2 check -p order=columns -p part=cc; says "by columns (shape.order)"
gives 2 check -p order=columns -p part=bb -p rows=1; says "by columns (shape.order)"
gives 0 run -p mode=shared -p view=false -p part=bb
gives 0 run -p part=bb -p uid=5
gives 1 run -p part=bb -p op=write -p uid=5 -p perm=rw-r--r--; says "permission denied"
gives 0 run -p part=bb -p uid=5 -p perm=rw-r--r-- -p guests=3
gives 2 check -p system=pfs -p view=false -p guests=1; says "a file system without the call 'grant'"
gives 2 check -p unit=8KiB;      says "workload.view: only with access = 'array'"
gives 2 check -p factor=4;       says "workload.view: only with access = 'array'"
gives 2 check -p system=pfs;     says "a file system without the call 'view'"
gives 2 check -p mode=M_UNIX;    says "no mode of file system 'vesta'"
gives 2 check -p files=3 -p view=false -p factor=64; says "more files than machine.os.vesta_server.lfs.files"
gives 2 check -p size=1GiB -p requests=64 -p view=false -p part=bb; says "its device has room for"

# A file of another file system, in and out by cells: lengths that fit nothing; refused by name what cannot be.
config copy <<'END'
local paragon, services = include "machines/paragon.lua", include "parts/services.lua"
local group = param("group", "service")
return {
  machine = paragon {
    rows = 3, columns = 4, io_nodes = 3, storage = { kind = "disk" }, nodes = { service = { storage = { kind = "disk" } } },
    os = services.list(services.vesta, { { service = "file_server", on = "service" } },
                       param("client", true) and { { service = "file_client", files = { { layer = "remote", group = group } } } } or {}),
  },
  workload = {
    kind = param("kind", "import"), system = param("system", "vesta"), outside = { system = param("outside", "files") }, nodes = 2,
    cells = param("cells", 5), parallel = param("parallel", 2), unit = "10KiB", piece = param("piece", "20KiB"), bytes = param("bytes", "333333B"),
  },
}
END
run() { "$PSIM" run "$T/copy.lua" -q --no-store "$@"; }
check() { "$PSIM" check "$T/copy.lua" "$@"; }
gives 0 run -p 'bytes={"1B","333333B","51200B","51199B"}' -p 'kind={"import","export"}'
gives 0 run -p cells=64 -p parallel=64 -p 'kind={"import","export"}'
gives 2 check -p piece=15KiB;     says "workload.piece is 15360 bytes, no multiple of workload.unit, 10240"
gives 2 check -p outside=vesta;   says "workload.outside.system is 'vesta', as workload.system"
gives 2 check -p client=false;    says "needs the service file_client on the compute nodes"
gives 2 check -p system=files -p outside=vesta; says "workload.system is 'files', a file system without stripe units"

# Names spread over the I/O nodes: what each has moved of 512 files of 4 KiB, that lie where their objects do; chi-square
# with 3 degrees of freedom, 0.999 quantile.
config names <<'END'
local paragon, services = include "machines/paragon.lua", include "parts/services.lua"
return {
  machine = paragon { rows = 4, columns = 6, io_nodes = 4, storage = { kind = "disk" }, os = services.vesta },
  workload = { kind = "metadata", system = "vesta", nodes = 16, directory = "shared", bytes = "4KiB", requests = 32, warmup = 0 },
  results = { per_node = true },
}
END
gives 0 "$PSIM" run "$T/names.lua" -q --no-store --json
python3 - "$T/out" <<'END' || fail "names do not spread evenly"
import json, sys
scalars = json.load(open(sys.argv[1]))["points"][0]["scalars"]
files = [v["value"] / 8192 for k, v in scalars.items() if k.startswith("lfs.copied_bytes@")]
mean = sum(files) / 4
sys.exit(sum(files) != 512 or len(files) != 4 or sum((n - mean) ** 2 / mean for n in files) > 16.27)
END

# Names whose mode is changed as they are made; in a directory of user 5 nobody else makes one.
config names <<'END'
local paragon, services = include "machines/paragon.lua", include "parts/services.lua"
return {
  machine = paragon { rows = 2, columns = 4, io_nodes = 2, os = services.vesta },
  workload = { kind = "metadata", system = "vesta", requests = 3, nodes = 3, bytes = "5000B", directory = "shared", protect = true,
               uid = 5, own_users = param("own", false), perm = "rw-r--r--" },
}
END
run() { "$PSIM" run "$T/names.lua" -q --no-store "$@"; }
gives 0 run
gives 1 run -p own=true; says ": permission denied"
