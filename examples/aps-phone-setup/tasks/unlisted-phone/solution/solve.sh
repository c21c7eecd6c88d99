#!/bin/bash
set -eu
/app/aps line l-5014
/app/aps device Zeno Q1 || true
/app/aps rule settings
/app/aps reply c-2014 --outcome asked --reason unlisted --ask system,version \
  --text "Hello Nell, your phone is not in our list, but we will manage. Could you look under Settings, About phone,
and tell me which system and version it has, for example Android 13?"
