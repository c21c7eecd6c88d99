#!/bin/bash
set -eu
/app/glowup order o-7105
/app/glowup article a-105
/app/glowup escalate billing "u-3019 disputes order o-7105 at the bank" > /tmp/ticket
number=$(grep -o 'T-[0-9]*' /tmp/ticket)
echo "Hello Victor, a dispute at your bank is for our billing team. They have it as $number and will write." > /app/answer.txt
