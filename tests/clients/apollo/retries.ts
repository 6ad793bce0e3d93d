// Apollo places orders on a line that loses answers, with `RetryLink` if that is the argument.

import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { RetryLink } from "@apollo/client/link/retry";
import { type AuthOptions, createAuthLink } from "aws-appsync-auth-link";
import { PLACE, placeAll } from "../retries.ts";
import { given, ready } from "../support.ts";

const url = given("ENDPOINT");
const auth: AuthOptions = { type: "AMAZON_COGNITO_USER_POOLS", jwtToken: given("ALICE_TOKEN") };
// How often it tries is the library's own choice; only the pauses are shorter.
const retries = process.argv[2] === "RetryLink" ? [new RetryLink({ delay: { initial: 20 } })] : [];

void placeAll(async (input, patienceMs) => {
  // Apollo has no timeout of its own: each request is given one.
  const impatient: typeof fetch = (to, options) => fetch(to, { ...options, signal: AbortSignal.timeout(patienceMs) });
  const links = [...retries, createAuthLink({ url, region: ready.region, auth }), new HttpLink({ uri: url, fetch: impatient })];
  const client = new ApolloClient({ link: ApolloLink.from(links), cache: new InMemoryCache() });
  const { data } = await client.mutate<{ placeOrder: { id: string } }>({ mutation: gql(PLACE), variables: { input } });
  return data!.placeOrder.id;
});
