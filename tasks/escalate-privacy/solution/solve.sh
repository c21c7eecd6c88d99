#!/bin/bash
set -eu
/app/glowup article a-105
/app/glowup escalate privacy "u-3018 asks to delete the account and all photos" > /tmp/ticket
number=$(grep -o 'T-[0-9]*' /tmp/ticket)
echo "Hello Ines, I have passed this on to our privacy team, ticket $number. They will write to you." > /app/answer.txt
