#!/bin/sh
# Lines of the product by room, without tests, beside those of v0.1.0: count.sh
set -eu
cd "$(dirname "$0")/.."
BEFORE=". 114 benchmarks 7120 bulk 1582 cli 4633 csanmt 10858 deploy 280 engine 3306 \
    model_store 1637 release 7566 scripts 602 serving 8503 training 3193 ui 3595 all 52989"
git ls-files | grep -E '\.(py|cpp|h|js|css|sh|j2|html)$' | grep -v '^tests/' | xargs wc -l |
    awk -v before="$BEFORE" '
        $2 != "total" { now[$2 ~ "/" ? substr($2, 1, index($2, "/") - 1) : "."] += $1; now["all"] += $1 }
        END {
            print "(room, v0.1.0, now, difference)"
            count = split(before, pairs)
            for (i = 1; i < count; i += 2)
                printf "%-12s %7d %7d %+7d\n", pairs[i], pairs[i + 1], now[pairs[i]],
                    now[pairs[i]] - pairs[i + 1]
        }'
