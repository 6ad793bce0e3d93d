// A mutation through AppSync, signed as AWS documents it for Node.js.
import { Sha256 } from '@aws-crypto/sha256-js';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';

const env = process.env;
const signer = new SignatureV4({
  credentials: {
    accessKeyId: env.AWS_ACCESS_KEY_ID,
    secretAccessKey: env.AWS_SECRET_ACCESS_KEY,
    sessionToken: env.AWS_SESSION_TOKEN,
  },
  region: env.AWS_REGION,
  service: 'appsync',
  sha256: Sha256,
});

const query = 'mutation Publish($id: ID!) { publishOrderFulfilled(id: $id) { id customerId reference status receivedAt } }';

export async function publish(id) {
  const url = new URL(env.APPSYNC_URL);
  const request = await signer.sign(
    new HttpRequest({
      method: 'POST',
      hostname: url.hostname,
      port: url.port,
      path: url.pathname,
      headers: { 'content-type': 'application/json', host: url.host },
      body: JSON.stringify({ query, variables: { id } }),
    }),
  );
  const answer = await (await fetch(url, request)).json();
  if (answer.errors) throw new Error(answer.errors[0].message);
}
