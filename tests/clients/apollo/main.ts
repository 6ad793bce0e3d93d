// Apollo goes through the story, and its part of docs/frontends.md does what it says.

import assert from "node:assert/strict";
import { gql } from "@apollo/client";
import type { AuthOptions } from "aws-appsync-auth-link";
import { WebSocket } from "ws";
import { backendOf, type Caller, type Credentials, given, type Listener, ready, story } from "../support.ts";
import { makeClient } from "./client.ts";
import { placeOrder, readOrder, untilFulfilled } from "./orders.ts";

// What a browser has, and Node has from version 22 on.
Object.assign(globalThis, { WebSocket });

function auth(credentials: Credentials): AuthOptions {
  if ("apiKey" in credentials) return { type: "API_KEY", apiKey: credentials.apiKey };
  if ("token" in credentials) return { type: "AMAZON_COGNITO_USER_POOLS", jwtToken: async () => credentials.token };
  return { type: "AWS_IAM", credentials };
}

function apollo(graphqlUrl: string, credentials: Credentials): Caller {
  const client = makeClient({ graphqlUrl, region: ready.region }, auth(credentials));
  return {
    async run(query: string, variables: Record<string, unknown> = {}) {
      const document = gql(query);
      const { data } = await (query.startsWith("mutation")
        ? client.mutate({ mutation: document, variables })
        : client.query({ query: document, variables, fetchPolicy: "network-only" }));
      return data;
    },
    subscribe(query: string, variables: Record<string, unknown>, listener: Listener) {
      // The same subscription twice is two subscriptions here: Apollo would make one of them.
      const context = { started: listener.started, queryDeduplication: false };
      return client
        .subscribe({ query: gql(query), variables, fetchPolicy: "no-cache", context })
        .subscribe(({ data, error }) => {
          if (error) listener.failed(error);
          else listener.event(Object.values(data as object)[0]);
        });
    },
  };
}

async function main() {
  for (const endpoint of [ready.graphqlUrl, ready.tls!.graphqlUrl]) {
    await story(endpoint, apollo);
    console.log(new URL(endpoint).protocol);
  }

  const backend = apollo(ready.graphqlUrl, backendOf(ready));
  for (const credentials of [{ apiKey: ready.apiKey }, { token: given("ALICE_TOKEN") }]) {
    const client = makeClient(ready, auth(credentials));
    const key = crypto.randomUUID();
    const order = { lines: [{ sku: "TEA", quantity: 1 }] };
    const placed = await placeOrder(client, order, key);
    assert.equal((await placeOrder(client, order, key)).id, placed.id);
    const fulfilled = untilFulfilled(client, placed.id);
    assert.equal((await readOrder(client, placed.id))?.status, "RECEIVED");
    await new Promise((resolve) => setTimeout(resolve, 500));
    const report = "mutation Report($input: RecordFulfilmentInput!) { recordFulfilment(input: $input) { id } }";
    await backend.run(report, { input: { orderId: placed.id, reference: "R-1" } });
    assert.equal((await fulfilled).status, "FULFILLED");
    // Nothing is told of it any more: it is read as soon as the subscription has started.
    assert((await untilFulfilled(client, placed.id)).fulfilledAt);
    await assert.rejects(untilFulfilled(client, crypto.randomUUID()), /Unauthorized/);
  }
  console.log("the guide: orders are placed and waited for");
}

main().then(
  () => process.exit(),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
