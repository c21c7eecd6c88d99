#!/bin/bash
set -eu
/app/lumen policy handover
ticket=$(/app/lumen escalate billing 'chargeback over a renewal' | grep -o 'T-[0-9]*')
/app/lumen reply u-1011 --outcome handed-over --ticket $ticket --text "I am sorry about this. Colleagues look into it now: $ticket."
