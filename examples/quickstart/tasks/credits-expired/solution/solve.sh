#!/bin/bash
set -eu
/app/lumen credits u-1002
/app/lumen policy credits
/app/lumen reply u-1002 --outcome answered --reason expired --credits 0 --expires 2026-02-01 --text "I am afraid your balance ran out on 1 February 2026, so nothing is left."
