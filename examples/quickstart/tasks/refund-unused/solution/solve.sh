#!/bin/bash
set -eu
lumen() { python3 /app/lumen "$@"; }

lumen order o-5104
lumen policy refunds
lumen refund o-5104 9.99
echo "Done: 9.99 is on its way to you." > /app/answer.txt
