// Obtains Auth0 tokens with a secret that is rotated by secret-bridge, and loses none of them to a rotation.
// Node 18 or later, no packages. What it does and why: docs/reference/read-order.md; docs/reference/read-order.json is its test.
//
//   const read = vault({ path: 'apps/billing' })            // VAULT_ADDR, VAULT_TOKEN
//   const ask = auth0({ domain: 'acme.eu.auth0.com', clientId: 'AbC123', audience: 'https://api.acme' })
//   const { getToken } = reader({ read, ask, clientId: 'AbC123' })

import { createHmac } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

const LABELS = { current: 'AWSCURRENT', pending: 'AWSPENDING', fallback: 'FALLBACK' }
const SIGHT = 90 // seconds for which a change may still be spreading at Auth0
const TIMEOUT = 10_000 // milliseconds for one request

/** Tells how values are tried. `read(stage)`: the value, {value, age, ends}, or null; `ask(value)`: {status, token}. */
export function reader({ read, ask, clientId = '', patience = 35, pause = (s) => sleep(s * 1000), now = seconds }) {
  let first = null // the value that is asked first
  let known = null // what was read last
  let noticed = -Infinity // when a change was noticed here
  let token = null
  let flying = null

  const one = async (stage) => {
    const found = await read(stage)
    return typeof found === 'string' ? { value: found } : (found ?? {})
  }

  function keep(current, pending = {}, fallback = {}) {
    if (!current.value) throw new Error('the sink holds no value')
    const ends = (value) => pending.ends?.includes(fingerprint(clientId, value ?? ''))
    const order = ends(current.value) ? [pending, current] : [current, pending]
    const values = [...new Set([...order, ends(fallback.value) ? {} : fallback].map((each) => each.value))].filter(Boolean)
    if (known && known.current !== current.value) noticed = now()
    known = { current: current.value, values, coming: Boolean(pending.value), age: current.age ?? Infinity }
    if (!values.includes(first)) first = values[0]
  }

  async function readAll() {
    const pending = await one('pending') // before current: what is published in between is then met as current
    keep(await one('current'), pending, await one('fallback'))
  }

  function accepted(value) {
    if (value !== first) noticed = now()
    first = value
  }

  /** One acquisition: the first answer that is not 401, or {status: 401} where every value was refused. */
  async function acquire() {
    if (first === null) keep(await one('current'))
    const answer = await ask(first)
    if (answer.status !== 401) return answer
    let justRefused = first
    const end = now() + patience
    for (let wait = 0.2; ; wait = Math.min(wait * 2, 5)) {
      const failed = await readAll().then(() => false, () => true) // what is known is used on
      for (const value of [...known.values].sort((a, b) => (b === first) - (a === first))) {
        if (value === justRefused) continue
        const answer = await ask(value)
        if (answer.status === 401) continue
        if (answer.status < 500 && answer.status !== 429) accepted(value) // 403 too: the secret was right
        return answer
      }
      justRefused = null
      const inSight = failed || known.coming || known.age < SIGHT || now() - noticed < SIGHT
      if (!inSight || now() >= end) return { status: 401 }
      await pause(wait)
    }
  }

  async function renew() {
    const began = now()
    const { status, token: text, expiresIn = 60 } = await acquire()
    if (status !== 200) throw Object.assign(new Error(`the token endpoint answered ${status}`), { status })
    token = { text, renewAt: began + expiresIn - Math.min(expiresIn / 10, 300), endsAt: began + expiresIn }
  }

  /** A token; of many callers that need one at once, one asks for it. */
  async function getToken() {
    if (token && now() < token.renewAt) return token.text
    flying ??= renew().finally(() => { flying = null })
    try {
      await flying
    } catch (error) {
      if (!token || now() >= token.endsAt) throw error
    }
    return token.text
  }

  return { getToken, acquire, first: () => first }
}

/** Reads stages from Vault or OpenBao, KV version 2. `token` may be a function. */
export function vault({ path, key = 'client_secret', mount = 'secret', namespace,
  address = process.env.VAULT_ADDR, token = process.env.VAULT_TOKEN }) {
  let named = null // the version that is the fallback, as the last reading of current told

  const get = async (where) => {
    const headers = { 'X-Vault-Token': typeof token === 'function' ? await token() : token, 'X-Vault-Request': 'true' }
    if (namespace) headers['X-Vault-Namespace'] = namespace
    const answer = await request(`${address}/v1/${mount}/data/${where}`, { headers })
    if (answer.status === 404) return {}
    if (!answer.ok) throw Object.assign(new Error(`the vault answered ${answer.status}`), { status: answer.status })
    return { ...parsed(await answer.text()).data, at: Date.parse(answer.headers.get('date')) }
  }

  const stages = {
    async current() {
      const { data, metadata, at } = await get(path)
      const tags = metadata?.custom_metadata ?? {}
      named = Number(tags.bridge_fallback) < metadata?.version ? tags.bridge_fallback : null
      return { value: text(data?.[key]), age: Math.abs(at - Date.parse(tags.bridge_promoted_at)) / 1000 }
    },
    async pending() {
      const { data } = await get(`${path}/pending`).catch((error) => {
        if (error.status === 403) return {} // this reader may not see it
        throw error
      })
      const lock = data?.['secret-bridge']
      if (lock?.state !== 'locked') return null
      return { value: text(data[key]), ends: (lock.bridge_lock_ends ?? '').split(' ') }
    },
    async fallback() {
      return named && text((await get(`${path}?version=${named}`)).data?.[key])
    },
  }
  return (stage) => stages[stage]()
}

/** Reads stages from AWS. `get(label)`: GetSecretValue's answer, null for ResourceNotFoundException; `key` null: ?bare. */
export function aws({ get, key = 'client_secret' }) {
  let current = null
  return async (stage) => {
    const found = await get(LABELS[stage])
    if (!found) return null
    const labels = found.VersionStages ?? []
    const words = labels.find((each) => each.startsWith('BRIDGE:'))?.split(':')
    if (stage === 'current') current = found.VersionId
    if (stage === 'fallback' && found.VersionId === current) return null
    if (stage === 'pending' && !words && labels.includes(LABELS.current)) return null // AWS's own rotation left it there
    const locked = found.SecretString.startsWith('{"secret-bridge-lock"')
    const value = locked ? null : text(key === null ? found.SecretString : parsed(found.SecretString)[key])
    return { value, ends: stage === 'pending' ? words?.[4]?.split('+') : [] }
  }
}

/** Reads stages from one document that holds the sibling keys too. `get()`: the document. */
export function siblingKeys({ get, key = 'client_secret' }) {
  const keys = { current: key, pending: `${key}_next`, fallback: `${key}_previous` }
  return async (stage) => {
    const document = await get()
    return stage === 'current' || document[keys[stage]] !== document[key] ? text(document[keys[stage]]) : null
  }
}

/** Asks Auth0 for a token by the client-credentials flow. */
export function auth0({ domain, clientId, audience }) {
  const url = `${domain.includes('://') ? domain : `https://${domain}`}/oauth/token`
  return async (value) => {
    const body = { grant_type: 'client_credentials', client_id: clientId, client_secret: value, audience }
    const headers = { 'Content-Type': 'application/json' }
    const answer = await request(url, { method: 'POST', headers, body: JSON.stringify(body) })
    const told = await answer.text()
    if (!answer.ok) return { status: answer.status }
    const { access_token: token, expires_in: expiresIn } = parsed(told)
    return { status: answer.status, token, expiresIn }
  }
}

const seconds = () => performance.now() / 1000
const request = (url, more) => fetch(url, { redirect: 'error', signal: AbortSignal.timeout(TIMEOUT), ...more })
const text = (value) => (typeof value === 'string' && value ? value : null)
const fingerprint = (salt, value) => createHmac('sha256', salt).update(value).digest('hex').slice(0, 16)

function parsed(json) {
  try {
    return JSON.parse(json) ?? {}
  } catch {
    throw new Error('an answer that is no JSON') // the parser's own words quote the text
  }
}
