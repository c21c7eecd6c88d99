#!/bin/bash
set -eu
lumen() { python3 /app/lumen "$@"; }

lumen credits u-1003
lumen search restore
echo "Your balance is 17. To restore a picture takes 6 credits." > /app/answer.txt
