"""The shop of orders that the tests of the lake build: two views of one source, a plain one and one with windows."""
import datetime
import os

from steps import write_parquet

VIEWS = ("last", "spending")
COUNTED = "{orders: {agg: count, windows: [1d]}}"
TOTALLED = "{amount: {column: amount, agg: [count, sum], windows: [1d, 7d]}}"


def definitions(last="[batch]", spending=COUNTED, keys="{id: int64}"):
    """The definitions, where `last` and `spending` have these features."""
    return f"""
entities:
  customer: {{keys: {keys}}}
sources:
  orders: {{path: data/*.parquet, event_time: ordered_at}}
views:
  spending:
    entity: customer
    source: orders
    step: 1h
    features: {spending}
  last:
    entity: customer
    source: orders
    features: {last}
"""


def chain():
    """A view, one that reads it, and one that reads that; each has a row of every order."""
    return f"""
entities:
  customer: {{keys: {{id: int64}}}}
sources:
  orders: {{path: data/*.parquet, event_time: ordered_at}}
views:
  top: {{entity: customer, view: counted, features: [batch_count_36500d, batch_max_36500d]}}
  counted: {{entity: customer, view: last, step: 1h, features: {{batch: {{column: batch, agg: [count, max], windows: [36500d]}}}}}}
  last: {{entity: customer, source: orders, features: [batch]}}
"""


CHAIN = ("last", "counted", "top")  # in the order in which they are built
CHAIN_COUNTS = ("select (select count(*) from last), (select sum(_count) from counted__tiles), (select count(*) from top), "
                "(select coalesce(max(batch_count_36500d), 0) from top), (select count(distinct (id, event_time)) from top)")


def chain_batches(test, found, keys):
    """How many batches each view of the chain has, of what CHAIN_COUNTS found; each is there whole and once, and in those before."""
    rows_of, newest = found[:3], found[3:]
    test.assertEqual([count % keys for count in rows_of], [0, 0, 0], "a part of a batch")
    test.assertEqual(newest, (rows_of[2] // keys, rows_of[2]), "a batch is doubled or missing")
    batches = [count // keys for count in rows_of]
    test.assertEqual(sorted(batches, reverse=True), batches, "a view has what the one that it reads has not")
    return batches


def add_batch(shop, number, keys, every=datetime.timedelta(days=1), value=None):
    """A file of orders of one instant, one per key, each with `value` (the number of the batch); it is there whole or not at all."""
    at = datetime.datetime(2024, 1, 1, 10, 30) + number * every
    hidden = write_parquet(shop, f"data/b-{number:05}.new", {"id": list(range(keys)), "ordered_at": [at] * keys,
                                                            "batch": [number if value is None else value] * keys})
    os.replace(hidden, hidden.with_suffix(".parquet"))


def random_orders(dice, count, start, days, keys, shops=None):
    """Columns of orders at random times."""
    columns = {"id": [dice.randrange(keys) for _ in range(count)]}
    if shops:
        columns["shop"] = [dice.choice(shops) for _ in range(count)]
    return {**columns, "ordered_at": random_times(dice, count, start, days), "amount": [dice.random() for _ in range(count)],
            "note": [f"note {dice.randrange(1_000_000)}" for _ in range(count)]}


def random_times(dice, count, start, days):
    return [start + datetime.timedelta(seconds=dice.randrange(days * 86_400)) for _ in range(count)]


def joined(shop, *options):
    """A training set of all features, as bytes."""
    shop.done("join", "--spine", "spine.parquet", "--features", "last.*,spending.*", "--out", "out.parquet", *options)
    return (shop.dir / "out.parquet").read_bytes()
