#!/bin/bash
set -eu
/app/aps rule handover
/app/aps rule esim
/app/aps escalate fraud "l-5008: phone stolen this morning, wants an e-SIM on a Pixel 8" > /tmp/ticket
number=$(grep -o 'T-[0-9]*' /tmp/ticket)
/app/aps reply c-2008 --outcome handed-over --reason stolen --ticket "$number" --next wait \
  --text "Hello Hedy, I am sorry. Stolen phones go to our fraud team first: they have it as $number and will call."
