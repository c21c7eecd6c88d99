#!/bin/bash
set -eu
/app/lumen credits u-9999 || true
/app/lumen policy accounts
/app/lumen reply u-9999 --outcome asked --reason no-account --ask email --text "You seem to have no account with us. What e-mail did you sign up with?"
