#!/bin/bash
set -eu
lumen() { python3 /app/lumen "$@"; }

echo "I am sorry to hear that. What were you trying to do, and what did you see?" > /app/answer.txt
