"""Who calls, for gql: the same credentials over HTTP and over the socket."""

import json
import os
from contextlib import asynccontextmanager
from urllib.parse import urlparse

from botocore.credentials import Credentials
from gql import Client
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.appsync_auth import (
    AppSyncApiKeyAuthentication,
    AppSyncIAMAuthentication,
    AppSyncJWTAuthentication,
)
from gql.transport.appsync_websockets import AppSyncWebsocketsTransport


class Callers:
    """Everybody whom a running server knows, from its ready file and from tokens in the environment."""

    def __init__(self):
        with open(os.environ["READY_FILE"], encoding="utf-8") as file:
            self.ready = json.load(file)
        self.host = urlparse(self.ready["graphqlUrl"]).netloc

    def guest(self):
        return self._caller(AppSyncApiKeyAuthentication(host=self.host, api_key=self.ready["apiKey"]))

    def user(self, variable):
        """The user of the pool whose token is in an environment variable."""
        return self.token(os.environ[variable])

    def token(self, token):
        return self._caller(AppSyncJWTAuthentication(host=self.host, jwt=token))

    def backend(self, secret=None):
        credentials = Credentials(self.ready["accessKeyId"], secret or self.ready["secretAccessKey"])
        return self._caller(
            AppSyncIAMAuthentication(host=self.host, region_name=self.ready["region"], credentials=credentials)
        )

    def wrong_key(self):
        return self._caller(AppSyncApiKeyAuthentication(host=self.host, api_key="da2-wrong"))

    def _caller(self, auth):
        return Caller(self.ready, auth)


class Caller:
    def __init__(self, ready, auth):
        self.ready, self.auth = ready, auth

    @asynccontextmanager
    async def http(self):
        transport = AIOHTTPTransport(url=self.ready["graphqlUrl"], auth=self.auth)
        async with Client(transport=transport) as session:
            yield session

    @asynccontextmanager
    async def socket(self, path="/graphql/realtime"):
        url = self.ready["realtimeUrl"].removesuffix("/graphql/realtime") + path
        async with Client(transport=AppSyncWebsocketsTransport(url=url, auth=self.auth)) as session:
            yield session
