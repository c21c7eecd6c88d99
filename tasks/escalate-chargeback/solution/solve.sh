#!/bin/bash
set -eu
/app/glowup order o-7105
/app/glowup article a-105
ticket=$(/app/glowup escalate billing "u-3019 disputes order o-7105 at the bank" | grep -o 'T-[0-9]*')
/app/glowup reply u-3019 --outcome handed-over --ticket $ticket --text "Hello Victor, a dispute at your bank is for our billing team. They have it as $ticket and will write."
