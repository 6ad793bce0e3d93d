"""gql places orders on a line that loses answers, with its own retries if the argument is `reconnecting`."""

import asyncio
import json
import os
import sys
from unittest.mock import patch
from urllib.parse import urlparse

from gql import Client, GraphQLRequest, gql
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.appsync_auth import AppSyncJWTAuthentication
from tenacity import wait_exponential

PLACE = gql("mutation Place($input: PlaceOrderInput!) { placeOrder(input: $input) { id } }")
ENDPOINT = os.environ["ENDPOINT"]
AUTH = AppSyncJWTAuthentication(host=urlparse(ENDPOINT).netloc, jwt=os.environ["ALICE_TOKEN"])


async def place(order_input, patience, reconnecting):
    """The id of the order. The patience is in seconds, for each attempt."""
    client = Client(transport=AIOHTTPTransport(url=ENDPOINT, auth=AUTH), execute_timeout=patience)
    session = await client.connect_async(reconnecting=reconnecting)
    try:
        answer = await session.execute(GraphQLRequest(PLACE, variable_values={"input": order_input}))
        return answer["placeOrder"]["id"]
    finally:
        await client.close_async()


async def outcome(attempt, reconnecting):
    try:
        return {"id": await place(attempt["input"], attempt["patienceMs"] / 1000, reconnecting)}
    except Exception as error:  # whatever the client fails with is what its caller sees
        return {"error": repr(error)}


async def main(reconnecting):
    tries = json.loads(os.environ["TRIES"])
    outcomes = await asyncio.gather(*[outcome(attempt, reconnecting) for attempt in tries])
    references = [attempt["input"]["order"]["reference"] for attempt in tries]
    print(json.dumps(dict(zip(references, outcomes))))


# How often it tries is the library's own choice; only the pauses, of 15 s in all, are shorter. Without any, it would try
# again before it has connected again.
with patch("gql.client.wait_exponential", lambda **given: wait_exponential(multiplier=0.1, **given)):
    asyncio.run(main(sys.argv[1:] == ["reconnecting"]))
