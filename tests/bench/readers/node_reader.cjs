// Asks for tokens with simple-oauth2. Each request is the library's own; none is kept. See tests/bench/agent_readers.py.
'use strict';
const readline = require('node:readline');
const { ClientCredentials } = require('simple-oauth2');

const { CLIENT_ID, AUDIENCE } = process.env;
const LATE = Number(process.env.LATE) * 1000;
const PAUSE = 100; // milliseconds after a connection that failed

function clientOf(url, secret) {
  const { origin, pathname } = new URL(url);
  return new ClientCredentials({
    client: { id: CLIENT_ID, secret },
    auth: { tokenHost: origin, tokenPath: pathname },
    options: { authorizationMethod: 'body' },
    http: { timeout: 120000 },
  });
}

async function acquire(client, organization) {
  try {
    await client.getToken(organization ? { audience: AUDIENCE, organization } : { audience: AUDIENCE });
    return ['got', ''];
  } catch (error) {
    if (!(error.data && error.data.isResponseError)) {
      await new Promise((done) => setTimeout(done, PAUSE));
      return ['connection', error.message];
    }
    const status = error.output.statusCode;
    const told = error.data.payload || {};
    return [status === 401 || told.error === 'invalid_client' ? 'refused' : 'other', `${status} ${JSON.stringify(told)}`];
  }
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [count, url, secret, every] = line.split(' ');
    const client = clientOf(url, secret);
    const told = { asked: 0, got: 0, refused: 0, connection: 0, other: 0, late: 0, slowest: 0, why: '' };
    for (let number = 0; number < Number(count); number += 1) {
      const wanted = number % Number(every) === 0 ? `org_${process.hrtime.bigint()}` : '';
      const began = performance.now();
      const [became, why] = await acquire(client, wanted);
      const took = performance.now() - began;
      told.asked += 1;
      told[became] += 1;
      told.why = why || told.why;
      if (became === 'got') {
        told.late += took > LATE ? 1 : 0;
        told.slowest = Math.max(told.slowest, took / 1000);
      }
    }
    process.stdout.write(`${JSON.stringify(told)}\n`);
  }
}

main();
