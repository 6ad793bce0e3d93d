"""How long it takes from placing an order to its event at a gql subscriber, for 1 and for 100 subscribers.

    READY_FILE=ready.json STAFF_TOKEN=$(cargo run -q -- token sam --group staff) \\
        target/clients/gql/bin/python tests/clients/gql/latency.py
"""

import asyncio
import statistics
import sys
import time

from gql import gql

from callers import Callers
from story import ORDER, PLACE, with_variables

FULFILLED = gql("subscription { anyOrderChanged { id status } }")


async def measure(callers, subscribers, orders):
    staff, guest = callers.user("STAFF_TOKEN"), callers.guest()
    heard = {}

    async def listen(session):
        async for event in session.subscribe(FULFILLED):
            order = event["anyOrderChanged"]
            if order["status"] == "FULFILLED":
                heard.setdefault(order["id"], []).append(time.perf_counter())

    async with staff.socket() as socket, guest.http() as session:
        tasks = [asyncio.create_task(listen(socket)) for _ in range(subscribers)]

        async def place():
            start = time.perf_counter()
            placed = await session.execute(with_variables(PLACE, input={"order": ORDER}))
            order_id = placed["placeOrder"]["id"]
            return order_id, start

        async def all_heard(order_id):
            while len(heard.get(order_id, [])) < subscribers:
                await asyncio.sleep(0.0005)

        # Until every subscription has started, some orders go by unheard.
        while True:
            order_id, _ = await place()
            try:
                await asyncio.wait_for(all_heard(order_id), 1)
                break
            except asyncio.TimeoutError:
                pass
        first, last = [], []
        for _ in range(orders):
            order_id, start = await place()
            await asyncio.wait_for(all_heard(order_id), 20)
            times = [at - start for at in heard.pop(order_id)]
            first.append(min(times) * 1e3)
            last.append(max(times) * 1e3)
        for task in tasks:
            task.cancel()
    for which, times in [("first", first), ("last", last)]:
        times.sort()
        p99 = times[int((len(times) - 1) * 0.99)]
        print(f"| {subscribers} | {which} | {statistics.median(times):.1f} | {p99:.1f} |")


async def main():
    orders = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    print(f"{orders} orders, one after the other; milliseconds from the request that places one to its event\n")
    print("| subscribers | event at the | median | p99 |\n| --- | --- | --- | --- |")
    for subscribers in (1, 100):
        await measure(Callers(), subscribers, orders)


if __name__ == "__main__":
    asyncio.run(main())
