// Runs docs/reference/read-order.json with docs/guide/deploy/readers/read.mjs: vectors on stdin, what happened on stdout.
import { aws, reader, siblingKeys, vault } from '../../../docs/guide/deploy/readers/read.mjs'

const told = JSON.parse(await new Response(process.stdin).text())

async function acquisitions(vector) {
  let time = 0, count = 0, reads = 0, asked = [], pauses = []
  const is = (m) => time >= (m.at ?? 0) && count >= (m.after ?? 0) && reads >= (m.read ?? 0)
  const due = (moments) => moments.filter(is).at(-1)
  const stored = () => {
    const now = due(vector.vault)
    reads += 1
    if (now.away) throw new Error('away')
    return now
  }
  const stages = (stage) => {
    const { promoted, ends, [stage]: value } = stored()
    return { value, age: stage === 'current' ? time - promoted : undefined, ends: ends?.map((each) => told.fingerprints[each]) }
  }
  const read = vector.vault[0].document ? siblingKeys({ get: () => stored().document }) : stages
  const ask = async (value) => {
    const { answers } = due(vector.auth0)
    asked.push(value)
    count += 1
    reads = 0
    time += told.request
    const status = answers[value] ?? answers['*'] ?? 401
    if (status === 0) throw new Error('no answer')
    return { status, token: 'token' }
  }
  const pause = async (s) => { pauses.push(s); time += s }
  const { acquire, first } = reader({ read, ask, clientId: told.client_id, pause, now: () => time })
  const done = []
  for (const expected of vector.expect) {
    time = Math.max(time, expected.at ?? 0)
    asked = []
    pauses = []
    const result = await acquire().then(({ status }) => status, (error) => (error.message === 'away' ? 'no secret' : error.message))
    done.push({ asked, result, first: first(), pauses })
  }
  return done
}

async function place({ kind, key, answers, url }) {
  const read = kind === 'vault'
    ? vault({ path: 'apps/billing', key, address: url, token: 'x' })
    : aws({ key, get: async (label) => answers[label] ?? null })
  const found = {}
  for (const stage of ['pending', 'current', 'fallback']) {
    const one = await read(stage)
    found[stage] = one?.value ?? (typeof one === 'string' ? one : null)
    if (stage === 'pending') found.ends = (one?.ends ?? []).filter(Boolean)
    if (stage === 'current') found.age = Number.isFinite(one?.age) ? one.age : null
  }
  return found
}

const all = (work, list) => Promise.all(list.map(work))
console.log(JSON.stringify({ acquisitions: await all(acquisitions, told.acquisitions), sinks: await all(place, told.sinks) }))
