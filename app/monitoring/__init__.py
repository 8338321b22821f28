"""How metrics are declared, and what is made from that: a page, alert rules, a dashboard."""
