"""
Follow the decisions of a tenant, and keep the route of each return in a table.

Needs ``nats-py`` and nothing of nearturn: what it reads is plain JSON.

    python follow.py --url nats://127.0.0.1:4222 --tenant default --out routes.db

Ends by Ctrl-C, or after so many quiet seconds with ``--quiet-s``. Started again, it
goes on where it was: the broker keeps its place under the name ``--durable``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
from contextlib import closing, suppress
from urllib.parse import quote

import nats
from nats.js.api import ConsumerConfig

BATCH = 100

# What was fetched and not acknowledged by then is given out again.
ACKNOWLEDGE_S = 5

TABLE = """
CREATE TABLE IF NOT EXISTS routes (
    return_id TEXT PRIMARY KEY, outcome TEXT NOT NULL, demand_id TEXT NOT NULL,
    warehouse_id TEXT NOT NULL, sequence TEXT NOT NULL
)
"""

# An event may come twice, after later ones too. Per return, the sequence only rises:
# whatever is not above the one that stands there has been here before.
TAKE = """
INSERT INTO routes VALUES (?, ?, ?, ?, ?)
ON CONFLICT (return_id) DO UPDATE SET
    outcome = excluded.outcome, demand_id = excluded.demand_id,
    warehouse_id = excluded.warehouse_id, sequence = excluded.sequence
WHERE excluded.sequence > routes.sequence
"""


def row_of(event: dict) -> tuple[str, str, str, str, str]:
    """Return what the table says of an event; fields that are unset are left out."""
    decision = event["data"]
    return (
        event["subject"],
        decision["outcome"],
        decision.get("match", {}).get("demand_id", ""),
        decision.get("warehouse", {}).get("warehouse_id", ""),
        event["sequence"],
    )


async def follow(arguments: argparse.Namespace) -> None:
    """Take batches of events until nothing comes any more."""
    tenant = quote(arguments.tenant, safe="").replace(".", "%2E")
    client = await nats.connect(arguments.url)
    consumer = await client.jetstream().pull_subscribe(
        f"nearturn.{tenant}.decisions",
        arguments.durable,
        stream=arguments.stream,
        config=ConsumerConfig(ack_wait=ACKNOWLEDGE_S),
    )
    with closing(sqlite3.connect(arguments.out)) as table:
        table.execute(TABLE)
        while True:
            try:
                messages = await consumer.fetch(BATCH, timeout=arguments.quiet_s or 5)
            except TimeoutError:
                # Nothing came; the broker's client has a kind of its own, of this one.
                if arguments.quiet_s:
                    break
                continue
            with table:
                table.executemany(TAKE, [row_of(json.loads(m.data)) for m in messages])
            # After the commit: what is not acknowledged comes again.
            for message in messages:
                await message.ack()
    await client.close()


def main() -> None:
    """Read the command line and follow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="nats://127.0.0.1:4222")
    parser.add_argument("--stream", default="NEARTURN")
    parser.add_argument("--tenant", default="default")
    parser.add_argument("--durable", default="routes")
    parser.add_argument("--out", default="routes.db")
    parser.add_argument("--quiet-s", type=float, default=0.0)
    # What Ctrl-C cuts off is not acknowledged, and comes again.
    with suppress(KeyboardInterrupt):
        asyncio.run(follow(parser.parse_args()))


if __name__ == "__main__":
    main()
