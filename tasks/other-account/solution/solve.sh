#!/bin/bash
set -eu
/app/glowup article a-108
/app/glowup reply u-3012 --outcome refused --reason other-account --next owner-asks --text "Hello Hana, I can only talk about the account that is signed in, so I cannot tell you about Ken's. He can
see his credits under Settings, or sign in and ask us himself. Is there anything about yours?"
