#!/bin/bash
set -eu
lumen() { python3 /app/lumen "$@"; }

lumen credits u-9999 || true
lumen policy accounts
echo "You seem to have no account with us. What e-mail did you sign up with?" > /app/answer.txt
