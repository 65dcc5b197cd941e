"""Mainstay: transactions and feedback into loyalty marts."""

import sys

# Modules are compiled once, at the install. A disk that fills up while Python writes compiled ones leaves half of one, and
# Python takes it for whole ever after.
sys.dont_write_bytecode = True
