// GraphiQL with the credentials of whoever the header says, and subscriptions over AppSync's real-time protocol.

import { Caller } from "./api.js";
import { watchCaller } from "./caller.js";
import { Realtime } from "./realtime.js";

const { GraphiQL, React, ReactDOM } = window;

let caller = null;
let realtime = null;
const running = new Set();

const fetcher = GraphiQL.createFetcher({
  url: "/graphql",
  fetch: async (url, init) =>
    fetch(url, { ...init, headers: { ...init.headers, ...(await caller.authorization()) } }),
  wsClient: {
    subscribe({ query, variables }, sink) {
      // Opened when it is first needed: whoever only asks needs no socket.
      realtime ??= new Realtime(caller);
      running.add(sink);
      const stop = realtime.subscribe(query, variables, {
        next: (event) => sink.next(event),
        error: (error) => sink.error([error]),
      });
      return () => {
        running.delete(sink);
        stop();
      };
    },
  },
});

watchCaller((now) => {
  caller = new Caller(now);
  for (const sink of running) sink.complete();
  running.clear();
  realtime?.close();
  realtime = null;
});

const tab = (query, variables) => ({ query, variables: variables && JSON.stringify(variables, null, 2) });

/** The samples to place, and what else there is to ask; shown to whoever has no tabs of their own yet. */
async function examples() {
  const samples = await (await fetch("/page/samples.json")).json();
  const { customerId } = await caller.credentials();
  const placing = samples.map(({ name, request: { variables: { input } } }) => {
    // The key of a fixture would make every order the same one.
    const { idempotencyKey, ...order } = input;
    // Not every folder's name is a name in GraphQL.
    const query = `# The order in fixtures/${name}\nmutation Place_${name.replace(/\W/g, "_")}($input: PlaceOrderInput!) {
  placeOrder(input: $input) {
    id
    format
    status
    problems
  }
}
`;
    return tab(query, { input: order });
  });
  const order = `id
    status
    fulfilledAt
    lines { sku quantity fulfilledQuantity }
    changes { at kind reason }
    problems`;
  return [
    ...placing,
    tab(`# One order; with asOf, as it stood at that moment
query Order($id: ID!, $asOf: AWSDateTime) {
  order(id: $id, asOf: $asOf) {
    ${order}
    document
  }
}
`, { id: "the id of an order", asOf: null }),
    tab(`# For customers and staff\nquery Own {\n  orders {\n    items { id reference status receivedAt }\n    nextToken\n  }\n}\n`),
    tab(`# For staff\nquery Attention {\n  ordersNeedingAttention {\n    items { id status problems }\n    nextToken\n  }\n}\n`),
    tab(`# For staff
subscription Any {
  anyOrderChanged {
    ${order}
  }
}
`),
    tab(`# For customers and staff
subscription Own_orders($customerId: ID!) {
  ordersChanged(customerId: $customerId) {
    ${order}
  }
}
`, { customerId: customerId ?? "the id of a customer" }),
    tab(`# For everybody, of an order that they may see
subscription One($id: ID!) {
  orderChanged(id: $id) {
    ${order}
  }
}
`, { id: "the id of an order" }),
  ];
}

const defaultTabs = await examples();
// GraphiQL shows each tab's variables but the first one's, which it takes from what an earlier visit has left.
if (!localStorage.getItem("graphiql:tabState")) localStorage.setItem("graphiql:variables", defaultTabs[0].variables);

const root = ReactDOM.createRoot(document.querySelector("#explorer"));
root.render(React.createElement(GraphiQL, {
  fetcher,
  defaultTabs,
  defaultEditorToolsVisibility: "variables",
  isHeadersEditorEnabled: false,
}));
