-- STK 9310 PowderHorn: the silo of the 4400 with a faster arm: 6000 cells a module, 24 of them
-- linked at ZIB [computermuseum.zib.de]; NCAR saw 350 mounts an hour; rated about 450 exchanges an
-- hour, 8 s each [from memory].
-- The arm's speeds are not published: ASSUMED(so that an exchange with two hands takes about 8 s).
return {
    kind = "silo",
    cells = 6000, rows = 30, columns = 100, walls = 2,
    row_pitch = 0.06,
    hands = 2,
    speed = 180, acceleration = 360,
    lift_speed = 2, lift_acceleration = 4,
    turn = "500ms",
    pick = "1300ms", place = "1300ms", read = "300ms",
    drives = 16, drive_rows = 4,
    port_column = 50, pass_column = 25, ports = 21,
    load = "9s", unload = "30s", -- as the 4400's drives
}
