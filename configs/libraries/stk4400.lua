-- STK 4400 Automated Cartridge System: a silo of about 6000 cells for 3480 cartridges, up to 16
-- drives, one arm with two hands on a pivot inside a ring 11 feet across
-- [Rutherford Appleton Laboratory: 5500 cells, 8 drives, mount and thread about 20 s, well over 100
-- mounts and dismounts an hour; NSCEE: mean mount 11 s].
-- The arm's speeds are not published: ASSUMED(so that the mean mount of its arm is 11 s, and 20 s
-- with threading).
return {
    kind = "silo",
    cells = 6000, rows = 30, columns = 100, walls = 2,
    row_pitch = 0.06,
    hands = 2,
    speed = 60, acceleration = 60,
    lift_speed = 1, lift_acceleration = 1,
    turn = "1s",
    pick = "3500ms", place = "3500ms", read = "500ms",
    drives = 8, drive_rows = 4,
    port_column = 50, pass_column = 25, ports = 21,
    load = "9s", unload = "30s", -- 3480: threading; a rewind of 48 s at most [from memory]
}
