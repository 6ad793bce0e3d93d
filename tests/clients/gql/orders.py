"""Places an order, waits until it is fulfilled, and prints it: python3 orders.py ready.json [token]"""

import asyncio
import json
import sys
import uuid
from urllib.parse import urlparse

from gql import Client, GraphQLRequest, gql
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.appsync_auth import AppSyncApiKeyAuthentication, AppSyncJWTAuthentication
from gql.transport.appsync_websockets import AppSyncWebsocketsTransport
from gql.transport.exceptions import TransportClosed, TransportConnectionFailed

ORDER = "{ id status fulfilledAt problems }"
PLACE = gql("mutation PlaceOrder($input: PlaceOrderInput!) { placeOrder(input: $input) %s }" % ORDER)
READ = gql("query Order($id: ID!) { order(id: $id) %s }" % ORDER)
FULFILLED = gql("subscription OrderFulfilled($id: ID!) { orderFulfilled(id: $id) %s }" % ORDER)


class Orders:
    """`stage` holds graphqlUrl, realtimeUrl and apiKey; without a token of the user pool the caller is a guest."""

    def __init__(self, stage, token=None):
        self.stage = stage
        host = urlparse(stage["graphqlUrl"]).netloc
        if token:
            self.auth = AppSyncJWTAuthentication(host=host, jwt=token)
        else:
            self.auth = AppSyncApiKeyAuthentication(host=host, api_key=stage["apiKey"])

    async def run(self, document, **variables):
        transport = AIOHTTPTransport(url=self.stage["graphqlUrl"], auth=self.auth)
        async with Client(transport=transport) as session:
            answer = await session.execute(GraphQLRequest(document, variable_values=variables))
            return next(iter(answer.values()))

    async def place(self, order, idempotency_key):
        """The key makes it safe to send the same again; it is a UUID."""
        return await self.run(PLACE, input={"order": order, "idempotencyKey": idempotency_key})

    async def read(self, order_id):
        return await self.run(READ, id=order_id)

    async def events(self, document, **variables):
        """What a subscription is sent, without end: begins again when the connection is lost."""
        while True:
            transport = AppSyncWebsocketsTransport(url=self.stage["realtimeUrl"], auth=self.auth)
            try:
                async with Client(transport=transport) as session:
                    async for event in session.subscribe(GraphQLRequest(document, variable_values=variables)):
                        yield next(iter(event.values()))
            except (TransportClosed, TransportConnectionFailed, OSError):
                pass
            await asyncio.sleep(1)

    async def until_fulfilled(self, order_id):
        """Misses nothing. gql does not tell when a subscription has started: the order is read now and then."""

        async def be_told():
            async for order in self.events(FULFILLED, id=order_id):
                if order["status"] == "FULFILLED":
                    return order

        async def look():
            pause = 1
            while True:
                await asyncio.sleep(pause)
                order = await self.read(order_id)
                if order and order["status"] == "FULFILLED":
                    return order
                pause = 10

        tasks = [asyncio.create_task(be_told()), asyncio.create_task(look())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def main(ready_file, token=None):
    with open(ready_file, encoding="utf-8") as file:
        orders = Orders(json.load(file), token)
    placed = await orders.place({"lines": [{"sku": "TEA", "quantity": 2}]}, str(uuid.uuid4()))
    print(await orders.until_fulfilled(placed["id"]))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
