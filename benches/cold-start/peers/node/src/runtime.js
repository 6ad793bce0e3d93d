// The part of Lambda's runtime for Node.js that counts here: a loop over the Runtime API, on one kept-alive connection.
// AWS's own client, `aws-lambda-ric`, is compiled from C++ when it is installed.
import { Agent, request } from 'node:http';

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const sent = request({ host, port, agent, method, path: `/2018-06-01/runtime/${path}` }, (answer) => {
      const chunks = [];
      answer.on('data', (chunk) => chunks.push(chunk));
      answer.on('end', () => resolve({ headers: answer.headers, body: Buffer.concat(chunks).toString() }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

export async function serve(handler) {
  for (;;) {
    const { headers, body } = await call('GET', 'invocation/next');
    const invocation = `invocation/${headers['lambda-runtime-aws-request-id']}`;
    try {
      await call('POST', `${invocation}/response`, JSON.stringify(await handler(JSON.parse(body))));
    } catch (error) {
      await call('POST', `${invocation}/error`, JSON.stringify({ errorType: error.name, errorMessage: error.message }));
    }
  }
}
