local paragon = include "machines/paragon.lua"
return {
  title = "hello",
  machine = paragon { rows = 4, columns = 4, release = param("release", "R1.4") },
  workload = { kind = "pingpong", size = "0B", rounds = 3 },
}
