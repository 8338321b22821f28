"""The proof: ledger, Kafka, objects and warehouse, compared; what does not add up is named."""
