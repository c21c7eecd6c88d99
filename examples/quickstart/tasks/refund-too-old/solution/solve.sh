#!/bin/bash
set -eu
lumen() { python3 /app/lumen "$@"; }

lumen order o-5105
lumen policy refunds
echo "I am afraid that is too late. We pay back for two weeks after a purchase." > /app/answer.txt
