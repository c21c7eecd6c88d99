#!/bin/bash
set -eu
/app/lumen policy handover
ticket=$(/app/lumen escalate privacy 'deletion of all personal data' | grep -o 'T-[0-9]*')
/app/lumen reply u-1012 --outcome handed-over --ticket $ticket --text "Colleagues will take care of it and write to you: $ticket."
