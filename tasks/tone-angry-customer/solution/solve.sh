#!/bin/bash
set -eu
/app/glowup photo p-2009
/app/glowup article a-109
/app/glowup reply u-3021 --outcome answered --returned 5 --original kept --next try-again --text "Hello Dan, I understand how upsetting that was: you wanted your grandparents back, and got a black picture.
I am sorry. The restoration failed on our side, and its 5 credits came back to your account on 13 March,
so nothing was lost. Your original scan is unharmed. If you like, I will try it again for you; just say so."
