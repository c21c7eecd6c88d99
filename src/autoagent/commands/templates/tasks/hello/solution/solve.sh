#!/bin/bash
# The oracle: `start_climb` proves with it that the task can be solved.
set -eu
echo "Hello, $(cat /app/name.txt)!" > /app/greeting.txt
