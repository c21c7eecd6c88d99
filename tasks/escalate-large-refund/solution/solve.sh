#!/bin/bash
set -eu
/app/glowup order o-7106
/app/glowup article a-104
/app/glowup article a-105
/app/glowup escalate billing "u-3020 asks for 79.00 of order o-7106 back, unused, two days old" > /tmp/ticket
number=$(grep -o 'T-[0-9]*' /tmp/ticket)
echo "Hello Greta, 79.00 is more than I may pay back myself. Billing has it as $number and will write to you." > /app/answer.txt
