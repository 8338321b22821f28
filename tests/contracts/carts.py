"""A topic file whose events become several rows, or none, or are left out."""

import functools
import tempfile
from pathlib import Path

from app.contracts.model import Contract

from .topic_files import load

CART = """\
event: cart_bought
version: 1
summary: Somebody paid for a cart of several lines.
app: shop
owners: {team: checkout, chat: "#checkout"}
fields:
  cart_id: {type: string, max_length: 40, pii: keep, about: "The same on every retry."}
  bought_at: {type: timestamp, about: "When it was paid, by the shop's clock."}
  buyer: {type: string, pii: hash, about: "Who paid, by mail address."}
  test: {type: boolean, optional: true, about: "Whether a machine of ours bought it."}
  lines:
    type: list
    optional: true
    about: What was bought.
    items:
      type: object
      fields:
        sku: {type: string, max_length: 20, pii: keep, about: "What it is."}
        cents: {type: integer, minimum: 0, about: "What was paid for it."}
        note: {type: string, pii: hash, optional: true, about: "What the buyer wrote on it."}
        card: {type: string, pii: drop, optional: true, about: "What it was paid with."}
kafka: {key: cart_id, size: small, retention_days: 7}
dedupe: {by: [cart_id], keep: first, remember_days: 3}
day: {from: bought_at, timezone: UTC, late_days: 3, early_minutes: 60}
transform:
  - {do: trim, field: cart_id}
  - {do: drop_event, if: {field: test, is: true}, why: "test carts are not counted"}
  - {do: explode, field: lines, index: line_number, prefix: line_}
  - {do: upper, field: line_sku}
warehouse: {table: RAW.CART_BOUGHT, cluster_by: [line_sku]}
load: {every: 15m}
examples:
  - name: two lines
    given: {cart_id: " c1", bought_at: "2026-03-01T23:59:58Z", buyer: a@example.org, lines: [{sku: a, cents: 100}, {sku: b, cents: 250}]}
    rows:
      - {day: "2026-03-01", cart_id: c1, line_number: 0, line_sku: A, line_cents: 100}
      - {cart_id: c1, line_number: 1, line_sku: B, line_cents: 250}
  - name: an empty cart
    given: {cart_id: c2, bought_at: "2026-03-01T23:59:58Z", buyer: a@example.org, lines: []}
    rows: []
  - name: a cart of a test
    given: {cart_id: c3, bought_at: "2026-03-01T23:59:58Z", buyer: a@example.org, test: true}
    filtered: true
  - name: a gift has a price too
    given: {cart_id: c4, bought_at: "2026-03-01T23:59:58Z", buyer: a@example.org, lines: [{sku: a, cents: -1}]}
    rejected: {reason: schema, field: lines.0.cents}
"""  # noqa: E501


@functools.cache
def cart() -> Contract:
    """The file as a contract."""
    with tempfile.TemporaryDirectory() as folder:
        return load(Path(folder), CART, "cart_bought.yaml")["cart_bought"]
