"""S3 and whatever speaks its protocol: streamed multipart uploads of NDJSON.gz."""
