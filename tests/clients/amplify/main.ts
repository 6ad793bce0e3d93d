// Amplify goes through the story, and its part of docs/frontends.md does what it says.

import assert from "node:assert/strict";
import { Amplify } from "aws-amplify";
import { generateClient } from "aws-amplify/api";
import { decodeJWT } from "aws-amplify/auth";
import { Hub } from "aws-amplify/utils";
import { WebSocket } from "ws";
import { backendOf, type Caller, type Credentials, given, type Listener, ready, story } from "../support.ts";
import { configureLocally, placeOrder, readOrder, untilFulfilled } from "./orders.ts";

// What a browser has, and Node has from version 22 on.
Object.assign(globalThis, { WebSocket });

/** Amplify has one configuration at a time: each call is preceded by that of its caller. */
class AmplifyCaller implements Caller {
  constructor(readonly endpoint: string, readonly credentials: Credentials) {}

  #client() {
    const credentials = this.credentials;
    const apiKey = "apiKey" in credentials ? credentials.apiKey : undefined;
    const tokens = "token" in credentials ? { accessToken: decodeJWT(credentials.token) } : null;
    const iam = "accessKeyId" in credentials ? { credentials } : undefined;
    Amplify.configure(
      { API: { GraphQL: { endpoint: this.endpoint, region: ready.region, apiKey, defaultAuthMode: "apiKey" } } },
      {
        Auth: {
          tokenProvider: { getTokens: async () => tokens },
          credentialsProvider: {
            getCredentialsAndIdentityId: async () => iam,
            clearCredentialsAndIdentityId: () => {},
          },
        },
      },
    );
    const authMode = iam ? ("iam" as const) : tokens ? ("userPool" as const) : ("apiKey" as const);
    return { authMode, client: generateClient() };
  }

  async run(query: string, variables?: object) {
    const { authMode, client } = this.#client();
    const { data } = (await client.graphql({ query, variables: variables as any, authMode })) as { data: any };
    return data;
  }

  subscribe(query: string, variables: object, listener: Listener) {
    const { authMode, client } = this.#client();
    // Which subscription has started is told by its query and its variables: an object of its own finds it.
    const own = { ...variables };
    const stopListening = Hub.listen("api", ({ payload }) => {
      const { event, data } = payload as { event: string; data?: { variables?: object } };
      if (event === "Subscription ack" && data?.variables === own) listener.started();
    });
    const events = client.graphql({ query, variables: own as any, authMode }) as any;
    const subscription = events.subscribe({
      next: ({ data }: any) => listener.event(Object.values(data)[0]),
      error: listener.failed,
    });
    return { unsubscribe: () => (stopListening(), subscription.unsubscribe()) };
  }
}

assert(ready.tls, "Amplify needs TLS");
const amplify = (endpoint: string, credentials: Credentials) => new AmplifyCaller(endpoint, credentials);
await story(ready.tls.graphqlUrl, amplify);

const backend = amplify(ready.tls.graphqlUrl, backendOf(ready));
for (const [authMode, token] of [["apiKey", undefined], ["userPool", given("ALICE_TOKEN")]] as const) {
  configureLocally(ready, token);
  const key = crypto.randomUUID();
  const order = { lines: [{ sku: "TEA", quantity: 1 }] };
  const placed = await placeOrder(order, key, authMode);
  assert.equal((await placeOrder(order, key, authMode)).id, placed.id);
  const fulfilled = untilFulfilled(placed.id, authMode);
  assert.equal((await readOrder(placed.id, authMode))?.status, "RECEIVED");
  await new Promise((resolve) => setTimeout(resolve, 500));
  const report = "mutation Report($input: RecordFulfilmentInput!) { recordFulfilment(input: $input) { id } }";
  await backend.run(report, { input: { orderId: placed.id, reference: "R-1" } });
  assert.equal((await fulfilled).status, "FULFILLED");
  // Nothing is told of it any more: it is read as soon as the subscription has started.
  configureLocally(ready, token);
  assert((await untilFulfilled(placed.id, authMode)).fulfilledAt);
}
await assert.rejects(untilFulfilled(crypto.randomUUID(), "userPool"));
console.log("the guide: orders are placed and waited for");
process.exit();
