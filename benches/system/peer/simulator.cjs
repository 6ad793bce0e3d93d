// Amplify's simulator of AppSync, with the least that does what the system does: orders are kept in a Map, read by
// the same fields, and announced by a mutation over HTTP once they are placed.
//
// node simulator.cjs <port> <schema.graphql> <ready file>; NODE_PATH says where the package is.

const { readFileSync, renameSync, writeFileSync } = require('fs');
const http = require('http');
const { randomUUID } = require('crypto');
const { AmplifyAppSyncSimulator } = require('@aws-amplify/amplify-appsync-simulator');

const [port, schema, readyFile] = process.argv.slice(2);
const apiKey = 'da2-simulator';
const accessKeyId = 'ASIASIMULATOR';
const orders = new Map();
const agent = new http.Agent({ keepAlive: true });

function place({ input }) {
  const document = input.order ?? JSON.parse(input.document);
  const id = randomUUID();
  orders.set(id, { receivedAt: new Date().toISOString(), text: JSON.stringify(document), fulfilledAt: null });
  setImmediate(announce, id);
  return read({ id });
}

function read({ id }) {
  const stored = orders.get(id);
  if (!stored) return null;
  const document = JSON.parse(stored.text);
  const money = (amount) => ({ amount, currency: document.currency });
  const lines = document.lines.map((line, index) => ({
    id: `/lines/${index}`,
    ...line,
    fulfilledQuantity: stored.fulfilledAt ? line.quantity : 0,
    unitPrice: money(line.unitPrice),
  }));
  const fulfilled = {
    id: 'warehouse/0',
    at: stored.fulfilledAt,
    kind: 'FULFILLED',
    lines: lines.map(({ id, quantity }) => ({ line: id, quantity })),
  };
  return {
    id,
    receivedAt: stored.receivedAt,
    fulfilledAt: stored.fulfilledAt,
    status: stored.fulfilledAt ? 'FULFILLED' : 'RECEIVED',
    reference: document.reference,
    format: 'storefront',
    customer: document.customer,
    shippingAddress: document.shippingAddress,
    lines,
    changes: stored.fulfilledAt ? [fulfilled] : [],
    problems: [],
    document,
  };
}

// What the function that fulfils does: it remembers that, and calls the API.
function announce(id) {
  orders.get(id).fulfilledAt = new Date().toISOString();
  const query = 'mutation ($id: ID!) { publishOrderFulfilled(id: $id) { id status reference receivedAt fulfilledAt } }';
  const body = JSON.stringify({ query, variables: { id } });
  const headers = {
    authorization: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/20261122/us-east-1/appsync/aws4_request`,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  };
  const request = http.request({ port, path: '/graphql', method: 'POST', headers, agent }, (response) => {
    let text = '';
    response.on('data', (piece) => (text += piece));
    response.on('end', () => console.error(text.includes('"errors"') ? text : `order announced ${id}`));
  });
  // A connection that was kept may have been closed in the same moment.
  request.on('error', (error) => {
    if (!request.reusedSocket) throw error;
    announce(id);
  });
  request.end(body);
}

const handlers = { order: read, placeOrder: place, publishOrderFulfilled: read };
const unit = (typeName, fieldName) => ({
  kind: 'UNIT',
  typeName,
  fieldName,
  dataSourceName: fieldName,
  requestMappingTemplate:
    '{ "version": "2018-05-29", "operation": "Invoke", "payload": $util.toJson($context.arguments) }',
  responseMappingTemplate: '$util.toJson($context.result)',
});

const simulator = new AmplifyAppSyncSimulator({ port: Number(port) });
simulator.init({
  schema: { content: readFileSync(schema, 'utf8') },
  dataSources: Object.entries(handlers).map(([name, invoke]) => ({ name, type: 'AWS_LAMBDA', invoke })),
  resolvers: [
    unit('Query', 'order'),
    unit('Mutation', 'placeOrder'),
    unit('Mutation', 'publishOrderFulfilled'),
  ],
  appSync: {
    name: 'orders',
    apiKey,
    authAccessKeyId: accessKeyId,
    accountId: '000000000000',
    authRoleName: 'backend',
    defaultAuthenticationType: { authenticationType: 'AMAZON_COGNITO_USER_POOLS', cognitoUserPoolConfig: {} },
    additionalAuthenticationProviders: [{ authenticationType: 'API_KEY' }, { authenticationType: 'AWS_IAM' }],
  },
});
simulator.start().then(() => {
  const ready = { graphqlUrl: `http://127.0.0.1:${port}/graphql`, apiKey };
  writeFileSync(`${readyFile}.new`, JSON.stringify(ready));
  renameSync(`${readyFile}.new`, readyFile);
});
