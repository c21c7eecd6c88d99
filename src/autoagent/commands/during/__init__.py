"""While a climb is played.

`serve` waits for a client and `hook` answers the client's hooks; `night` has an agent play; `run`
measures once; `certify` measures afterwards what the climb brought, `renew` grants another night.
`demo` plays `demo_script`.
"""
