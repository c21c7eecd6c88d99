#!/bin/bash
set -eu
/app/glowup order o-7107
/app/glowup credits u-3022
/app/glowup article a-104
/app/glowup reply u-3022 --outcome refused --reason too-late --credits 103 --next use-credits --text "Hello Olga, thank you for writing so openly; I know that 9.99 matters. I am sorry that I cannot pay it
back: packs are paid back for 14 days, and yours is 30 days old. The credits are not lost, though. All 100
stay yours until February 2027, with the 3 of before: enough for twenty old photos, and I would gladly help
you with the first."
