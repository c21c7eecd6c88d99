#!/bin/bash
set -eu
lumen() { python3 /app/lumen "$@"; }

lumen credits u-1002
lumen policy credits
echo "I am afraid your balance ran out on 1 February 2026, so nothing is left." > /app/answer.txt
