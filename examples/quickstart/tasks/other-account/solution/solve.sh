#!/bin/bash
set -eu
lumen() { python3 /app/lumen "$@"; }

lumen order o-5109
lumen policy accounts
echo "That order was made from a different account. She can ask us herself." > /app/answer.txt
