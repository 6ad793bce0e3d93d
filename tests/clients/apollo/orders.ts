import type { ApolloClient } from "@apollo/client";
import {
  OrderDocument,
  OrderFulfilledDocument,
  type OrderInput,
  type OrderPartsFragment,
  PlaceOrderDocument,
} from "./generated";

/** `idempotencyKey` makes it safe to send the same again; it is a UUID, such as crypto.randomUUID() makes. */
export async function placeOrder(client: ApolloClient, order: OrderInput, idempotencyKey: string) {
  const { data } = await client.mutate({
    mutation: PlaceOrderDocument,
    variables: { input: { order, idempotencyKey } },
  });
  return data!.placeOrder!;
}

export async function readOrder(client: ApolloClient, id: string) {
  const { data } = await client.query({ query: OrderDocument, variables: { id }, fetchPolicy: "network-only" });
  return data!.order;
}

/** Waits until an order is fulfilled. Misses nothing: whatever happens before the subscription has started is read. */
export function untilFulfilled(client: ApolloClient, id: string): Promise<OrderPartsFragment> {
  return new Promise((resolve, reject) => {
    const finish = (outcome: () => void) => {
      clearInterval(timer);
      subscription?.unsubscribe();
      outcome();
    };
    const take = (order: OrderPartsFragment | null | undefined) => {
      if (order?.status === "FULFILLED") finish(() => resolve(order));
    };
    const read = () => readOrder(client, id).then(take, () => {}); // the next reading may succeed
    const timer = setInterval(read, 10_000);
    // Deduplicated, a second subscription would not be told that it has started.
    const context = { started: read, queryDeduplication: false };
    let subscription: { unsubscribe(): void } | undefined;
    subscription = client
      .subscribe({ query: OrderFulfilledDocument, variables: { id }, context })
      .subscribe(({ data, error }) => (error ? finish(() => reject(error)) : take(data?.orderFulfilled)));
  });
}
