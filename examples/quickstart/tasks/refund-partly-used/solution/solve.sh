#!/bin/bash
set -eu
lumen() { python3 /app/lumen "$@"; }

lumen order o-5106
lumen policy refunds
lumen refund o-5106 15.00
echo "You had used a quarter of it, so 15.00 goes back to your card." > /app/answer.txt
