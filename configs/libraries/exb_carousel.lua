-- A carousel of ten 8 mm cartridges with one drive: from one cartridge to another takes about
-- 4 minutes [published of 8 mm robots], of which loading takes 20 to 30 s and rewinding about
-- 2 minutes [from memory].
-- The rest is the carousel's: ASSUMED(15 s each time a cartridge goes in or out).
return {
    kind = "silo",
    cells = 10, rows = 1, columns = 10, walls = 1,
    row_pitch = 0,
    hands = 1,
    speed = 72, acceleration = 0,
    pick = "15s", place = "15s", read = "1s",
    drives = 1,
    ports = 0,
    load = "25s", unload = "150s",
    cartridges = { count = 10 },
}
