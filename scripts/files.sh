# files.sh: what the checks share; sourced in the top folder.  A check that finds nothing to look at has
# checked nothing, and fails.
if ! git ls-files -co --exclude-standard 2>/dev/null | grep -q .; then
    echo "$(basename "$0"): git lists no files here: nothing was checked" >&2
    exit 2
fi
# files [PATTERN ...]: those of the tree that match.
files() { git ls-files -co --exclude-standard "$@"; }
# some WHAT ROWS: without a row the check ends.
some() {
    [ -n "$2" ] && return
    echo "$(basename "$0"): there is no $1: nothing was checked" >&2
    exit 2
}
