// An application: obtains tokens all the time, with a reader that remembers and with a new one each time. For every
// line on stdin it says which statuses it had since the last one, the first of them begun after that line.
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { auth0, aws, reader, vault } from '../../../docs/guide/deploy/readers/read.mjs'

const told = JSON.parse(process.argv[2])
const { clientId } = told
const ask = auth0({ domain: told.auth0, clientId, audience: told.audience })

async function get(VersionStage) {
  const headers = {
    'Content-Type': 'application/x-amz-json-1.1',
    'X-Amz-Target': 'secretsmanager.GetSecretValue',
    Authorization: 'AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/secretsmanager/aws4_request, SignedHeaders=host, Signature=x',
  }
  const answer = await fetch(told.aws, { method: 'POST', headers, body: JSON.stringify({ SecretId: told.name, VersionStage }) })
  const body = await answer.json()
  if (body.__type?.includes('ResourceNotFoundException')) return null
  if (!answer.ok) throw new Error(body.__type)
  return body
}

const read = () => (told.aws ? aws({ get }) : vault({ path: told.path }))
const fresh = () => reader({ read: read(), ask, clientId, patience: told.patience })
const kept = fresh()
let statuses = { kept: [], fresh: [] }
const asked = []
createInterface({ input: process.stdin }).on('line', () => asked.push(0)).on('close', () => process.exit())

for (;;) {
  const waiting = asked.length
  for (const [name, one] of [['kept', kept], ['fresh', fresh()]]) {
    statuses[name].push(await one.acquire().then(({ status }) => status, (error) => error.message))
  }
  if (waiting) {
    asked.splice(0, waiting)
    console.log(JSON.stringify({ ...statuses, token: await kept.getToken().then(Boolean, () => false) }))
    statuses = { kept: [], fresh: [] }
  }
  await sleep(20)
}
