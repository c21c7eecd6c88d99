#!/bin/bash
set -eu
lumen() { python3 /app/lumen "$@"; }

lumen policy handover
ticket=$(lumen escalate billing "chargeback over a renewal" | grep -o 'T-[0-9]*')
echo "I am sorry about this. Colleagues look into it now: $ticket." > /app/answer.txt
