-- IBM 3490E (1991): 36 tracks, 18 written out and 18 back, so that a full tape ends near its
-- beginning.
-- 335 m, 3 MB/s, 800 MB: micha.freeshell.org Tech_34X0, manualshelf 5190/5194 p. 26.  ESCON at
-- 9 MB/s, compression sold as 3 : 1 (set `compression`): storagenewsletter 2020-02-05.
return merge(include("tapes/ibm3480.lua"), {
    model = "IBM 3490E",
    format = {
        name = "3490E",
        tracks = 2,
        -- ASSUMED(density and the share of leader as a 3480: 335 m x 157.4 / 165 at 1496 B/mm;
        -- speeds as a 3480, which "as 3480" in the tables says)
        track = "478087000B",
    },
    interface = "9MB/s",
})
