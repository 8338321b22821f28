"""How far each table is behind what was received, and what keeps it.

`look` asks Kafka and the ledger, `verdict` judges what they said: no I/O, and no clock.
"""
