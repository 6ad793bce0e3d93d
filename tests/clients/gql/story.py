"""The whole story through gql, as each kind of caller: place, subscribe, event, read; and what each may not do.

The server's warehouse accepts every order and reports later, which a backend does here with recordFulfilment.
"""

import asyncio
import os
import uuid

from gql import gql
from gql.transport.exceptions import TransportError, TransportQueryError

from callers import Callers
from line import Line
from orders import Orders

PATIENCE = 20

PLACE = gql("mutation Place($input: PlaceOrderInput!) { placeOrder(input: $input) { id customerId status } }")
READ = gql("query Read($id: ID!) { order(id: $id) { id status lines { id fulfilledQuantity } document } }")
REPORT = gql("mutation Report($input: RecordFulfilmentInput!) { recordFulfilment(input: $input) { id status } }")
# Subscribers can select no more than what the publishing mutation has selected.
PUBLISH = gql("mutation Publish($id: ID!) { publishOrderFulfilled(id: $id) { id customerId status problems } }")
FULFILLED = gql("subscription Wait($id: ID!) { orderFulfilled(id: $id) { id status problems document } }")
CHANGED = gql("subscription Wait($id: ID!) { mine: orderChanged(id: $id) { id status __typename } }")
OF_CUSTOMER = gql("subscription Wait($id: ID!) { ordersChanged(customerId: $id) { id customerId status } }")
ANY = gql("subscription { anyOrderChanged { id status } }")
ORDERS = gql("{ orders { items { id } } }")
NEEDING_ATTENTION = gql("{ ordersNeedingAttention { items { id } } }")

# What AppSync calls credentials that are not good: a key or a token, a key's id, a signature.
REFUSALS = ("UnauthorizedException", "UnrecognizedClientException", "InvalidSignatureException")

ORDER = {"reference": "GQL-1", "lines": [{"sku": "TEA", "quantity": 2}]}


def with_variables(document, **variables):
    document = gql(document) if isinstance(document, str) else document
    copy = type(document)(document.document)
    copy.variable_values = variables
    return copy


class Inbox:
    """The events of one subscription."""

    def __init__(self, session, document, **variables):
        self._listen_to(event.popitem()[1] async for event in session.subscribe(with_variables(document, **variables)))

    @classmethod
    def of(cls, events):
        inbox = cls.__new__(cls)
        inbox._listen_to(events)
        return inbox

    def _listen_to(self, events):
        self.events = asyncio.Queue()
        self.task = asyncio.create_task(self._listen(events))

    async def _listen(self, events):
        async for event in events:
            await self.events.put(event)

    async def next(self, matches):
        """The next event that matches; fails if the subscription does."""
        while True:
            getter = asyncio.create_task(self.events.get())
            done, _ = await asyncio.wait({getter, self.task}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
            if getter in done:
                event = getter.result()
                if matches(event):
                    return event
                continue
            getter.cancel()
            if self.task in done:
                self.task.result()
                raise AssertionError("the subscription ended")
            raise AssertionError("no event came")

    async def stop(self):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def started(backend, order_id, inboxes):
    """gql does not tell when a subscription has started: announce the order until every inbox has heard of it."""
    silent = list(inboxes)
    for _ in range(PATIENCE * 10):
        await backend.execute(with_variables(PUBLISH, id=order_id))
        await asyncio.sleep(0.1)
        for inbox in inboxes:
            if inbox.task.done():
                inbox.task.result()
        silent = [inbox for inbox in silent if inbox.events.empty()]
        if not silent:
            return
    raise AssertionError(f"{len(silent)} subscriptions never heard of {order_id}")


async def refused(awaitable, error_type):
    try:
        await asyncio.wait_for(awaitable, PATIENCE)
    except TransportQueryError as error:
        # Over HTTP these are GraphQL errors; over the socket gql hands on the payload that holds them.
        errors = [inner for each in error.errors for inner in each.get("errors", [each])]
        assert any(each.get("errorType") == error_type for each in errors), errors
        return
    raise AssertionError(f"expected {error_type}")


async def refused_subscription(caller, document, **variables):
    async with caller.socket() as session:
        inbox = Inbox(session, document, **variables)
        await refused(inbox.task, "Unauthorized")


async def place(caller, **more):
    async with caller.http() as session:
        answer = await session.execute(with_variables(PLACE, input={"order": ORDER, **more}))
    return answer["placeOrder"]


async def story(name, caller, backend, path, subscriptions):
    """Place, subscribe, event, read."""
    order = await place(caller)
    async with caller.socket(path) as socket, caller.http() as session, backend.http() as back:
        inboxes = [Inbox(socket, document, **variables(order)) for document, variables in subscriptions]
        await started(back, order["id"], inboxes)
        report = {"orderId": order["id"], "reference": str(uuid.uuid4())}
        await back.execute(with_variables(REPORT, input=report))
        mine = lambda event: event["id"] == order["id"] and event["status"] == "FULFILLED"
        for inbox in inboxes:
            event = await inbox.next(mine)
            assert event.get("document") is None, event
        read = (await session.execute(with_variables(READ, id=order["id"])))["order"]
        assert read["status"] == "FULFILLED" and read["document"], read
        # Unsubscribing leaves the other subscriptions of the socket alone.
        for at, inbox in enumerate(inboxes):
            await inbox.stop()
            await back.execute(with_variables(PUBLISH, id=order["id"]))
            for other in inboxes[at + 1 :]:
                await other.next(mine)
    print(f"{name}: placed, subscribed {len(inboxes)} times, told, read")
    return order


async def main():
    callers = Callers()
    guest, backend = callers.guest(), callers.backend()
    alice, bob, staff = callers.user("ALICE_TOKEN"), callers.user("BOB_TOKEN"), callers.user("STAFF_TOKEN")

    by_id = lambda order: {"id": order["id"]}
    by_customer = lambda order: {"id": order["customerId"]}
    everything = lambda order: {}

    of_guest = await story("guest", guest, backend, "/graphql", [(FULFILLED, by_id), (CHANGED, by_id)])
    own = [(FULFILLED, by_id), (CHANGED, by_id), (OF_CUSTOMER, by_customer)]
    of_alice = await story("customer", alice, backend, "/graphql/realtime", own)
    await story("staff", staff, backend, "/graphql/realtime", [*own, (ANY, everything)])
    await story("backend", backend, backend, "/graphql", [(FULFILLED, by_id), (CHANGED, by_id), (ANY, everything)])

    # Two subscribers with different arguments: each hears of its own order only.
    orders = [await place(guest), await place(guest)]
    async with guest.socket() as socket, backend.http() as back:
        inboxes = [Inbox(socket, FULFILLED, id=order["id"]) for order in orders]
        for order, inbox in zip(orders, inboxes):
            await started(back, order["id"], [inbox])
        heard = [{inbox.events.get_nowait()["id"] for _ in range(inbox.events.qsize())} for inbox in inboxes]
        assert heard == [{orders[0]["id"]}, {orders[1]["id"]}], heard

    # 50 subscriptions on one connection.
    order = await place(guest)
    async with guest.socket() as socket, backend.http() as back:
        inboxes = [Inbox(socket, FULFILLED, id=order["id"]) for _ in range(50)]
        await started(back, order["id"], inboxes)
        await back.execute(with_variables(REPORT, input={"orderId": order["id"], "reference": "R-50"}))
        for inbox in inboxes:
            await inbox.next(lambda event: event["status"] == "FULFILLED")
    print("50 subscriptions: on one connection, each is told")

    # A connection that is lost without a goodbye.
    order = await place(guest)
    line = await Line.to(callers.ready)
    orders = Orders(line.stage)
    inbox = Inbox.of(orders.events(CHANGED, id=order["id"]))
    async with backend.http() as back:
        await started(back, order["id"], [inbox])
        line.cut()
        await back.execute(with_variables(REPORT, input={"orderId": order["id"], "reference": "R-51"}))
        while not inbox.events.empty():
            inbox.events.get_nowait()
        line.mend()
        await started(back, order["id"], [inbox])
    assert (await orders.read(order["id"]))["status"] == "FULFILLED"
    assert line.opened >= 2, line.opened
    await inbox.stop()
    print("a lost connection: the subscription begins again")

    # What docs/frontends.md says.
    for who in [Orders(callers.ready), Orders(callers.ready, os.environ["ALICE_TOKEN"])]:
        key = str(uuid.uuid4())
        order = await who.place(ORDER, key)
        assert (await who.place(ORDER, key))["id"] == order["id"]
        fulfilled = asyncio.create_task(who.until_fulfilled(order["id"]))
        async with backend.http() as back:
            await back.execute(with_variables(REPORT, input={"orderId": order["id"], "reference": "R-52"}))
        assert (await asyncio.wait_for(fulfilled, PATIENCE))["status"] == "FULFILLED"
        # Nothing is told of it any more: it is read.
        assert (await asyncio.wait_for(who.until_fulfilled(order["id"]), PATIENCE))["fulfilledAt"]
        await refused(who.until_fulfilled(str(uuid.uuid4())), "Unauthorized")
    print("the guide: orders are placed and waited for")

    # What the table says no to fails clearly.
    for caller, order in [(guest, of_alice), (bob, of_alice), (alice, of_guest)]:
        await refused_subscription(caller, FULFILLED, id=order["id"])
        async with caller.http() as session:
            assert (await session.execute(with_variables(READ, id=order["id"])))["order"] is None
    await refused_subscription(guest, FULFILLED, id=str(uuid.uuid4()))
    await refused_subscription(bob, OF_CUSTOMER, id=of_alice["customerId"])
    for caller in [guest, alice]:
        await refused_subscription(caller, ANY)
        async with caller.http() as session:
            await refused(session.execute(with_variables(PUBLISH, id=of_guest["id"])), "Unauthorized")
            await refused(session.execute(NEEDING_ATTENTION), "Unauthorized")
    async with guest.http() as session:
        await refused(session.execute(ORDERS), "Unauthorized")

    # Wrong credentials are refused over HTTP, and when the socket connects.
    for caller in [
        callers.wrong_key(),
        callers.token("not.a.token"),
        callers.user("EXPIRED_TOKEN"),
        callers.backend(secret="wrong"),
    ]:
        try:
            async with caller.http() as session:
                await session.execute(with_variables(READ, id=of_guest["id"]))
            raise AssertionError("it was answered")
        except TransportError as error:
            assert any(told in str(error) for told in REFUSALS), error
        try:
            async with caller.socket():
                raise AssertionError("the socket opened")
        except TransportError as error:
            assert "UnauthorizedException" in str(error), error
    print("refused: what the table says no to, and wrong credentials")


if __name__ == "__main__":
    asyncio.run(main())
