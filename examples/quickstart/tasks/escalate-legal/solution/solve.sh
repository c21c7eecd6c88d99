#!/bin/bash
set -eu
lumen() { python3 /app/lumen "$@"; }

lumen policy handover
ticket=$(lumen escalate legal "wedding photos lost, lawyer mentioned" | grep -o 'T-[0-9]*')
echo "I am very sorry. Colleagues will get in touch; your number is $ticket." > /app/answer.txt
