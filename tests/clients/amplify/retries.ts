// Amplify places orders on a line that loses answers.

import { generateClient, type GraphQLQuery } from "aws-amplify/api";
import { PLACE, placeAll } from "../retries.ts";
import { given, ready } from "../support.ts";
import { configureLocally } from "./orders.ts";

configureLocally({ ...ready, tls: undefined, graphqlUrl: given("ENDPOINT") }, given("ALICE_TOKEN"));

void placeAll(async (input, patienceMs) => {
  const client = generateClient();
  const answer = client.graphql<GraphQLQuery<{ placeOrder: { id: string } }>>({ query: PLACE, variables: { input } });
  // Amplify has no timeout of its own: whoever has waited for long enough cancels.
  const timer = setTimeout(() => client.cancel(answer), patienceMs);
  try {
    return (await answer).data.placeOrder.id;
  } finally {
    clearTimeout(timer);
  }
});
