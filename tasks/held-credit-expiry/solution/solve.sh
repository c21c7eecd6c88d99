#!/bin/bash
set -eu
/app/glowup credits u-3024
/app/glowup article a-102
cat > /app/answer.txt <<'END'
Hello Felix, you have 22 credits and can spend them until 31 May 2026.
END
