#!/bin/bash
set -eu
/app/glowup order o-7106
/app/glowup article a-104
/app/glowup article a-105
ticket=$(/app/glowup escalate billing "u-3020 asks for 79.00 of order o-7106 back, unused, two days old" | grep -o 'T-[0-9]*')
/app/glowup reply u-3020 --outcome handed-over --ticket $ticket --text "Hello Greta, 79.00 is more than I may pay back myself. Billing has it as $ticket and will write to you."
