import { Amplify } from "aws-amplify";
import { generateClient, type GraphQLQuery, type GraphQLSubscription } from "aws-amplify/api";
import { decodeJWT } from "aws-amplify/auth";
import { Hub } from "aws-amplify/utils";

/** What `cargo run -- --tls --ready-file ready.json` writes. */
export interface Ready {
  graphqlUrl: string;
  region: string;
  apiKey: string;
  tls?: { graphqlUrl: string };
}

/** Who calls: a guest with the API key, or whoever is signed in. */
export type AuthMode = "apiKey" | "userPool";

export interface Order {
  id: string;
  status: "RECEIVED" | "PARTIALLY_FULFILLED" | "FULFILLED" | "NEEDS_ATTENTION";
  fulfilledAt: string | null;
  problems: string[];
}

/**
 * For the server on this machine. For a deployment it is just Amplify.configure(outputs), with its amplify_outputs.json.
 * There is nowhere to sign in locally: `token` is what `cargo run -q -- token alice` prints.
 */
export function configureLocally(ready: Ready, token?: string): void {
  const endpoint = ready.tls?.graphqlUrl ?? ready.graphqlUrl;
  const { region, apiKey } = ready;
  const tokens = token === undefined ? null : { accessToken: decodeJWT(token) };
  Amplify.configure(
    { API: { GraphQL: { endpoint, region, apiKey, defaultAuthMode: "userPool" } } },
    { Auth: { tokenProvider: { getTokens: async () => tokens } } },
  );
}

const ORDER = "{ id status fulfilledAt problems }";

/** `idempotencyKey` makes it safe to send the same again; it is a UUID, such as crypto.randomUUID() makes. */
export async function placeOrder(order: object, idempotencyKey: string, authMode: AuthMode): Promise<Order> {
  const { data } = await generateClient().graphql<GraphQLQuery<{ placeOrder: Order }>>({
    query: `mutation PlaceOrder($input: PlaceOrderInput!) { placeOrder(input: $input) ${ORDER} }`,
    variables: { input: { order, idempotencyKey } },
    authMode,
  });
  return data.placeOrder;
}

export async function readOrder(id: string, authMode: AuthMode): Promise<Order | null> {
  const { data } = await generateClient().graphql<GraphQLQuery<{ order: Order | null }>>({
    query: `query Order($id: ID!) { order(id: $id) ${ORDER} }`,
    variables: { id },
    authMode,
  });
  return data.order;
}

/** Waits until an order is fulfilled. Misses nothing: whatever happens before the subscription has started is read. */
export function untilFulfilled(id: string, authMode: AuthMode): Promise<Order> {
  return new Promise((resolve, reject) => {
    const finish = (outcome: () => void) => {
      clearInterval(timer);
      stopListening();
      subscription?.unsubscribe();
      outcome();
    };
    const take = (order: Order | null) => {
      if (order?.status === "FULFILLED") finish(() => resolve(order));
    };
    const read = () => readOrder(id, authMode).then(take, () => {}); // the next reading may succeed
    const timer = setInterval(read, 10_000);
    // Amplify tells of each start of a subscription here, those after a lost connection included.
    const stopListening = Hub.listen("api", ({ payload }) => {
      const { event, data } = payload as { event: string; data?: { variables?: { id?: string } } };
      if (event === "Subscription ack" && data?.variables?.id === id) void read();
    });
    let subscription: { unsubscribe(): void } | undefined;
    subscription = generateClient()
      .graphql<GraphQLSubscription<{ orderFulfilled: Order }>>({
        query: `subscription OrderFulfilled($id: ID!) { orderFulfilled(id: $id) ${ORDER} }`,
        variables: { id },
        authMode,
      })
      .subscribe({
        next: ({ data }) => take(data.orderFulfilled),
        error: (error) => finish(() => reject(error)),
      });
  });
}
