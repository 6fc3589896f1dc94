# What CI runs, in pieces. `just` alone runs all of it.
all:
    bash .ci/run

check:
    python3 run.py check

test *ARGS:
    python3 run.py test {{ARGS}}

bench NAME *ARGS:
    python3 run.py bench {{NAME}} {{ARGS}}
