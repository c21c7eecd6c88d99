#!/bin/bash
set -eu
/app/glowup article a-105
ticket=$(/app/glowup escalate privacy "u-3018 asks to delete the account and all photos" | grep -o 'T-[0-9]*')
/app/glowup reply u-3018 --outcome handed-over --ticket $ticket --text "Hello Ines, I have passed this on to our privacy team, ticket $ticket. They will write to you."
