#!/bin/bash
set -eu
/app/glowup order o-7104
/app/glowup credits u-3011
/app/glowup article a-104
cat > /app/answer.txt <<'END'
Hello Pierre, I am afraid I cannot pay this pack back: 36 of its credits have been used, and a pack is
paid back only while it is untouched. The 64 credits that are left stay yours until 9 March 2027.
END
