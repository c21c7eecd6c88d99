#!/bin/bash
# The reward is what the checks say now; whatever lay there before does not count.
rm -rf /logs/verifier/reward.txt /logs/verifier/reward.json
mkdir -p /logs/verifier
reward=0
python3 -E -s -B /tests/test.py && reward=1
if [ "$reward" = 1 ] && [ -f /tests/judge.py ]; then
  # The facts are right. The tone is for a judge, who gives the reward, or none if he cannot.
  exec python3 -E -s -B /tests/judge.py
fi
echo "$reward" > /logs/verifier/reward.txt
echo "{\"reward\": $reward}" > /logs/verifier/reward.json
