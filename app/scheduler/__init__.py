"""Dirty days in, replaced days out: due, lock, replace, record."""
