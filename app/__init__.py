"""Forebay: every app's analytics events, in the warehouse once each, by the day they happened."""
