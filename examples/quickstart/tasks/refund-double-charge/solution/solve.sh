#!/bin/bash
set -eu
lumen() { python3 /app/lumen "$@"; }

lumen orders u-1007
lumen policy refunds
lumen refund o-5108 7.99
echo "You are right, and I am sorry. The second payment of 7.99 is returned." > /app/answer.txt
