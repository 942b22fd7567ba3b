-- IBM 3494: cartridges on both sides of an aisle, an accessor on two rails, a second accessor and a
-- second gripper as options, a station of 10 or 30 cells for import and export [IBM 3494 guides].
-- About 265 mounts an hour with two grippers and 610 with two accessors [from memory: no anchor].
-- Dimensions and speeds are not published: ASSUMED(an aisle of 6 m, a trained arm).
return {
    kind = "rail",
    cells = 1600, rows = 20, columns = 40, walls = 2,
    pitch = 0.15, row_pitch = 0.08,
    arms = 1, hands = 1, gap = 0.6,
    speed = 2, acceleration = 2,
    lift_speed = 1.5, lift_acceleration = 3,
    turn = "1s",
    pick = "2s", place = "2s", read = "300ms",
    drives = 8, drive_column = 18, drive_rows = 4,
    ports = 30, port_column = 0,
    load = "15s", unload = "15s", -- 3590: 10 to 20 s [from memory]
}
