# frozen_string_literal: true

# Asks for tokens with the gem oauth2. Each request is the library's own; none is kept. See tests/bench/agent_readers.py.

require 'json'
require 'oauth2'

LATE = ENV.fetch('LATE').to_f
PAUSE = 0.1 # seconds after a connection that failed
NOW = -> { Process.clock_gettime(Process::CLOCK_MONOTONIC) }

def client_of(url, secret)
  site, path = url.match(%r{\A(https?://[^/]+)(/.*)\z}).captures
  OAuth2::Client.new(ENV.fetch('CLIENT_ID'), secret, site: site, token_url: path, auth_scheme: :request_body)
end

def acquire(client, organization)
  wanted = { audience: ENV.fetch('AUDIENCE') }
  wanted[:organization] = organization unless organization.empty?
  client.client_credentials.get_token(wanted)
  ['got', '']
rescue OAuth2::Error => e
  return failed('an answer that was cut short') if e.response.status == 200

  refused = e.response.status == 401 || e.code == 'invalid_client'
  [refused ? 'refused' : 'other', e.message]
rescue Faraday::ConnectionFailed, SystemCallError, EOFError => e
  failed(e.class.name)
end

def failed(why)
  sleep PAUSE
  ['connection', why]
end

$stdout.sync = true
$stdin.each_line do |line|
  count, url, secret, every = line.split
  client = client_of(url, secret)
  told = { asked: 0, got: 0, refused: 0, connection: 0, other: 0, late: 0, slowest: 0.0, why: '' }
  count.to_i.times do |number|
    began = NOW.call
    organization = (number % every.to_i).zero? ? "org_#{(began * 1e9).to_i}" : ''
    became, why = acquire(client, organization)
    took = NOW.call - began
    told[:asked] += 1
    told[became.to_sym] += 1
    told[:why] = why unless why.empty?
    next unless became == 'got'

    told[:late] += 1 if took > LATE
    told[:slowest] = [told[:slowest], took].max
  end
  puts JSON.generate(told)
end
