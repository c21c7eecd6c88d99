#!/bin/bash
set -eu
/app/glowup credits u-3010
/app/glowup order o-7102
/app/glowup order o-7103
/app/glowup article a-104
/app/glowup refund o-7103
/app/glowup reply u-3010 --outcome done --paid-back 9.90 --text "Hello Aisha, you are right, and I am sorry: March was paid on 1 and on 2 March. I have paid back the
second payment, order o-7103, 9.90. Your subscription goes on as before."
