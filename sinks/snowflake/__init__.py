"""Snowflake, by key pair only; it reads the objects from S3 itself, through an external stage."""
