#!/bin/bash
# The verifier. Only the reward counts, not the exit code. What the harness left is data: it is
# compared, never run.
reward=0
if [ "$(cat /app/greeting.txt 2>/dev/null)" = "Hello, Ada!" ]; then
  reward=1
fi
echo "greeting.txt: $(head -c 200 /app/greeting.txt 2>&1)"
echo "$reward" > /logs/verifier/reward.txt
