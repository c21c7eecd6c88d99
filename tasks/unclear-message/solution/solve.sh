#!/bin/bash
set -eu
cat > /app/answer.txt <<'END'
I am sorry that something does not work, and I would like to fix it. Which photo is it about, and what
did you see when you tried?
END
