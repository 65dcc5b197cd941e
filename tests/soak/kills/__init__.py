"""Kill nights with SIGKILL and see what is left and what comes of it; for tests/crashes and the long form in tests/soak.

world    a small deployment: one night published, the next one landed with corrections, late and bad rows
moments  names the moments of a night, so that a process can die at a chosen one
night    the night in a process of its own, and the hand that kills it
checks   what must hold after a kill, and after the night has been run again
trials   which kills to try; one trial: a copy of the world, a kill or two, the checks, the night again
"""
