#!/bin/bash
set -eu
lumen() { python3 /app/lumen "$@"; }

lumen policy handover
ticket=$(lumen escalate privacy "deletion of all personal data" | grep -o 'T-[0-9]*')
echo "Colleagues will take care of it and write to you: $ticket." > /app/answer.txt
