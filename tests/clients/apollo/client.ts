import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from "@apollo/client";
import { type AuthOptions, createAuthLink } from "aws-appsync-auth-link";
import { CONTROL_EVENTS_KEY, createSubscriptionHandshakeLink } from "aws-appsync-subscription-link";
import { filter, retry, throwError, timer } from "rxjs";

/** Where the API is, locally or deployed. */
export interface Stage {
  graphqlUrl: string;
  region: string;
}

/**
 * `auth` tells who calls: `{ type: "API_KEY", apiKey }` for a guest, `{ type: "AMAZON_COGNITO_USER_POOLS", jwtToken }`
 * for whoever is signed in (`jwtToken` may be a function that fetches it), `{ type: "AWS_IAM", credentials }` for a
 * backend.
 */
export function makeClient({ graphqlUrl: url, region }: Stage, auth: AuthOptions): ApolloClient {
  return new ApolloClient({
    link: ApolloLink.from([
      lastingSubscriptions,
      createAuthLink({ url, region, auth }),
      createSubscriptionHandshakeLink({ url, region, auth }, new HttpLink({ uri: url })),
    ]),
    cache: new InMemoryCache(),
    // What Apollo would add to each request is not part of what a backend has signed.
    enhancedClientAwareness: { transport: false },
  });
}

/** What the link for subscriptions fails with. */
interface Failure {
  errors: { message: string }[];
}

/**
 * The link for subscriptions gives up when the connection is lost: begin again, unless the server has said no. Calls
 * `started` of the subscription's context each time that it has started.
 */
const lastingSubscriptions = new ApolloLink((operation, forward) => {
  if (operation.operationType !== "subscription") return forward(operation);
  operation.setContext({ controlMessages: { [CONTROL_EVENTS_KEY]: true } });
  return forward(operation).pipe(
    retry({
      delay: (failure: Failure) => {
        const { message } = failure.errors[0];
        const refused = /"errors":|Exception/.test(message);
        return refused ? throwError(() => new Error(message)) : timer(1_000);
      },
    }),
    filter(({ extensions }) => {
      if (extensions?.controlMsgType === undefined) return true;
      operation.getContext().started?.();
      return false;
    }),
  );
});
