#!/bin/bash
set -eu
/app/glowup photo p-2008
/app/glowup article a-108
/app/glowup reply u-3016 --outcome refused --reason other-account --next owner-asks --text "Hello Liam, I cannot enhance p-2008 for you: it was uploaded by another account, whose credits it would
cost. The person who uploaded it can sign in and run denoise, or you upload your own copy."
