#!/bin/bash
set -eu
lumen() { python3 /app/lumen "$@"; }

lumen credits u-1001
echo "There are 42 credits on your account. Enough to enhance 21 photos!" > /app/answer.txt
