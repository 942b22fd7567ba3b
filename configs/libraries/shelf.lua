-- A shelf: operators fetch cartridges and mount them by hand; NCAR's took about 5 minutes to the
-- first byte [from memory].
-- ASSUMED(two operators; 3 minutes to find a cartridge and 1 to put it in; the drive loads like an
-- IBM 3480).
return {
    kind = "shelf",
    operators = 2,
    cells = 20000,
    pick = "3min", place = "1min", read = "1min",
    drives = 8,
    ports = 0,
    load = "9s", unload = "30s",
}
