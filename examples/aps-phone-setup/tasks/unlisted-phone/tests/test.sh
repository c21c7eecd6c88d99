#!/bin/bash
# The reward is what the checks say now; whatever lay there before does not count.
rm -rf /logs/verifier/reward.txt /logs/verifier/reward.json
mkdir -p /logs/verifier
reward=0
python3 -E -s -B /tests/test.py && reward=1
echo "$reward" > /logs/verifier/reward.txt
echo "{\"reward\": $reward}" > /logs/verifier/reward.json
