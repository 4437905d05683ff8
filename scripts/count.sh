#!/bin/sh
# Lines of the product by room, without tests, beside those of v0.1.0.
# usage: count.sh [--bare]   (--bare prints "room lines" alone, as the table below was made)
set -eu
cd "$(dirname "$0")/.."

rooms() {
    git ls-files | grep -E '\.(py|cpp|h|js|css|sh|j2|html)$' | grep -v '^tests/' |
        while IFS= read -r file; do
            case "$file" in */*) room="${file%%/*}" ;; *) room=. ;; esac
            printf '%s %s\n' "$room" "$(wc -l < "$file")"
        done | awk '{ lines[$1] += $2 } END { for (room in lines) print room, lines[room] }' |
        LC_ALL=C sort
}

if [ "${1:-}" = --bare ]; then rooms; exit; fi

before() { # v0.1.0
    cat <<'TABLE'
. 114
benchmarks 7120
bulk 1582
cli 4633
csanmt 10858
deploy 280
engine 3306
model_store 1637
release 7566
scripts 602
serving 8503
training 3193
ui 3595
TABLE
}

{ before | sed 's/^/before /'; rooms | sed 's/^/now /'; } | awk '
    { rooms[$2]; $1 == "before" ? old[$2] = $3 : new[$2] = $3; sum[$1] += $3 }
    END {
        for (room in rooms) printf "%-12s %7d %7d %+7d\n", room, old[room], new[room], new[room] - old[room] | "LC_ALL=C sort"
        close("LC_ALL=C sort")
        printf "%-12s %7d %7d %+7d   (room, v0.1.0, now, difference)\n", "all", sum["before"], sum["now"], sum["now"] - sum["before"]
    }'
