#!/bin/bash
set -eu
lumen() { python3 /app/lumen "$@"; }

lumen search upscale
echo "It takes 4 credits." > /app/answer.txt
