"""Advice on topic files that are right: what is likely to be regretted, rule by rule."""
