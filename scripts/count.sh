#!/bin/sh
# Lines of the product by room, without tests, beside those of v0.1.0: count.sh
set -eu
cd "$(dirname "$0")/.."

{
    printf 'before %s\n' '. 114' 'benchmarks 7120' 'bulk 1582' 'cli 4633' 'csanmt 10858' \
        'deploy 280' 'engine 3306' 'model_store 1637' 'release 7566' 'scripts 602' \
        'serving 8503' 'training 3193' 'ui 3595'
    git ls-files | grep -E '\.(py|cpp|h|js|css|sh|j2|html)$' | grep -v '^tests/' |
        while IFS= read -r file; do
            case "$file" in */*) room="${file%%/*}" ;; *) room=. ;; esac
            echo "now $room $(wc -l < "$file")"
        done
} | awk '
    { rooms[$2]; count[$1, $2] += $3; count[$1, "all"] += $3 }
    function row(room, words) {
        printf "%-12s %7d %7d %+7d%s\n", room, count["before", room], count["now", room],
            count["now", room] - count["before", room], words | sorted
    }
    END {
        sorted = "LC_ALL=C sort"
        for (room in rooms) row(room)
        close(sorted)
        row("all", "   (room, v0.1.0, now, difference)")
    }'
