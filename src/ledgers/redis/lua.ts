// What Redis does for the ledger: each operation is one script, so that nothing can come between its checks and its writes.
// A script compares versions, leases and states; it never computes usage (docs/decisions/redis-ledger.md).
// All keys begin with KEYS[1]. Every change takes the next number of the log and is published under it.

/** Where the scripts' time comes from: Redis, so that the clocks of nodes do not matter. */
export const REDIS_TIME = `local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000)`;

/** For suites that move the clock by hand: the caller's wall time, which every script gets anyway. */
export const CALLERS_TIME = 'local now = tonumber(ARGV[1])';

// ARGV: 1 the node's wall time, 2 the run of the data that it is attached to, 3 node, 4 fence, then the operation's own.
const PRELUDE = `
local P = KEYS[1]
local run, node, fence = ARGV[2], ARGV[3], ARGV[4]

local function publish(seq, kind, ...)
  redis.call('PUBLISH', P .. ':log', table.concat({seq, kind, now, node, fence, ...}, '\\n'))
end

local function readLease(lease)
  if not lease then return nil, 0 end
  local f, expires = lease:match('^(%d+) (%d+)$')
  return f, tonumber(expires)
end

-- A live reservation: its owner, where it is, what was renewed, when it was booked, and the request as it was made.
local function rowOf(id)
  local text = redis.call('HGET', P .. ':live', id)
  if not text then return nil end
  local row = {}
  row.node, row.fence, row.channel, row.sim, row.gap, row.answered, row.covered, row.settled, row.at, row.request =
    text:match('^([^\\n]*)' .. ('\\n([^\\n]*)'):rep(8) .. '\\n(.*)$')
  return row
end

local function keep(id, row)
  redis.call('HSET', P .. ':live', id, table.concat({row.node, row.fence, row.channel, row.sim, row.gap,
    row.answered, row.covered, row.settled, row.at, row.request}, '\\n'))
end

local function isOwn(row)
  return row.node == node and row.fence == fence
end

-- The channel rests, or is idle at once; returns until when it rests.
local function free(id, row, rests)
  local untilMs = now
  redis.call('HDEL', P .. ':live', id)
  if redis.call('HGET', P .. ':channels', row.channel) == 'b' .. id then
    if rests and tonumber(row.gap) > 0 then
      untilMs = now + tonumber(row.gap)
      redis.call('HSET', P .. ':channels', row.channel, 'r' .. untilMs)
    else
      redis.call('HDEL', P .. ':channels', row.channel)
    end
  end
  return untilMs
end

-- Of what stands behind a SIM's version, the calls that are live there, but for one. What is not may stand there all the same: of a call
-- whose row is gone, or by a node of another version.
local function callsOf(text, sim, but)
  local calls = ''
  for id in text:gmatch(' (%S+)') do
    local row = id ~= but and rowOf(id)
    if row and row.sim == sim then calls = calls .. ' ' .. id end
  end
  return calls
end

-- The SIM's version is the number of the last change to it. Behind it stand the calls that it is in: several, where it was moved while
-- it was in one.
local function touch(sim, seq, id, isLive)
  local calls = callsOf(redis.call('HGET', P .. ':sims', sim) or '', sim, id)
  if isLive then calls = calls .. ' ' .. id end
  redis.call('HSET', P .. ':sims', sim, seq .. calls)
end

-- An emergency call, or one from a mobile, gets a SIM that was moved while it is in a call where it was. (4 direction, 7 class)
local function sharesSim(request)
  local isSound, words = pcall(cjson.decode, request)
  return isSound and (words[4] == 'in' or words[7] == 'emergency')
end

-- What ends later than this was written before the clock was set back: no lease is longer (config/schema.ts).
local function mostUntil()
  return now + 600000
end

local function nextSeq()
  return redis.call('INCR', P .. ':seq')
end
`;

// What nearly every operation asks first, with one read. What is not a node has a name that no node has.
const SAME_RUN = `
local said = redis.call('HMGET', P .. ':nodes', '#run', node, '#quarantine')
if said[1] ~= run then return {'restarted'} end

local function isLeased()
  local f, expires = readLease(said[2])
  return f == fence and now < expires
end
`;

// 5 lease in ms, 6 channels held back for this node (their number, then each), 7… ; run is what the connection says.
// A run that the data does not know: Redis was restarted, or emptied, and may have forgotten what it had granted. Nothing new is
// granted until every lease of before has ended or has been stated again. The run of the data is named by when they began: data
// that were flushed are others in the same run of Redis.
const ATTACH = `
local leaseMs, count = tonumber(ARGV[5]), tonumber(ARGV[6])
for i = 7, 6 + count do
  local owner = redis.call('HGET', P .. ':heldback', ARGV[i])
  if owner and owner ~= node then return {'held-back', ARGV[i], owner} end
end
local said = redis.call('HMGET', P .. ':nodes', '#server', '#run', '#quarantine', node)
local server, known, quarantine, old = said[1], said[2], said[3] or '0', said[4]
if not known or server ~= run then
  local wasUsed = known or ARGV[4] ~= '0'
  known = string.format('%d', now)
  if wasUsed then quarantine = string.format('%d', now + leaseMs) end
  redis.call('HSET', P .. ':nodes', '#server', run, '#run', known, '#quarantine', quarantine)
end
if tonumber(quarantine) > mostUntil() then quarantine = '0' end
local last = old and tonumber(old:match('^(%d+)')) or 0
-- Grows also when an older snapshot has forgotten the last one.
fence = string.format('%d', math.max(now, last + 1, tonumber(ARGV[4]) + 1))
redis.call('HSET', P .. ':nodes', node, fence .. ' ' .. string.format('%d', now + leaseMs))
local wanted, changed = {}, false
for i = 7, 6 + count do wanted[ARGV[i]] = true end
local held = redis.call('HGETALL', P .. ':heldback')
for i = 1, #held, 2 do
  if held[i + 1] == node then
    if wanted[held[i]] then wanted[held[i]] = nil
    else redis.call('HDEL', P .. ':heldback', held[i]) changed = true end
  end
end
for channel in pairs(wanted) do redis.call('HSET', P .. ':heldback', channel, node) changed = true end
if changed then publish(nextSeq(), 'held-back', '') end
-- What an earlier process of this node left is its own again.
local all = redis.call('HKEYS', P .. ':live')
for _, id in ipairs(all) do
  local row = rowOf(id)
  if row and row.node == node then
    row.fence = fence
    keep(id, row)
  end
end
return {'attached', fence, quarantine, tostring(now), known}
`;

// 5 lease in ms. An expired lease is never renewed. Returns the nodes whose leases have run out.
const HEARTBEAT = `
if not isLeased() then return {'expired'} end
redis.call('HSET', P .. ':nodes', node, fence .. ' ' .. string.format('%d', now + tonumber(ARGV[5])))
local dead = {'renewed', tostring(now)}
local all = redis.call('HGETALL', P .. ':nodes')
for i = 1, #all, 2 do
  local f, expires = readLease(all[i]:sub(1, 1) ~= '#' and all[i + 1])
  if f and now >= expires then dead[#dead + 1] = all[i] end
  if f and expires > mostUntil() and all[i] ~= node then
    redis.call('HSET', P .. ':nodes', all[i], f .. ' ' .. string.format('%d', mostUntil()))
  end
end
return dead
`;

// 5 reservation, 6 emergency (1) or direction (out, in), 7 request, to which the script gives its time, then for each candidate: channel, SIM, version of the SIM, gap in ms.
const RESERVE = `
if not isLeased() then return {'expired'} end
local id, emergency, isIn = ARGV[5], ARGV[6] == '1', ARGV[6] == 'in'
local quarantine = said[3]
if not emergency and quarantine and now < tonumber(quarantine) and tonumber(quarantine) <= mostUntil() then
  return {'quarantined', quarantine}
end
if redis.call('HEXISTS', P .. ':live', id) == 1 then return {'duplicate'} end
local refused = {'refused'}
for i = 8, #ARGV, 4 do
  local channel, sim, version = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local state = redis.call('HGET', P .. ':channels', channel)
  local known = redis.call('HGET', P .. ':sims', sim) or '0'
  local reason = nil
  if state and state:sub(1, 1) == 'b' then reason = 'busy'
  elseif not emergency and not isIn and callsOf(known, sim) ~= '' then reason = 'busy'
  elseif not emergency then
    local owner = redis.call('HGET', P .. ':heldback', channel)
    if owner and owner ~= node then reason = 'held-back'
    -- Never longer than its gap, though the clock was set back.
    -- A call from a mobile is there already, and waits for no gap.
    elseif not isIn and state and now < tonumber(state:sub(2)) and tonumber(state:sub(2)) <= now + tonumber(ARGV[i + 3]) then
      reason = 'resting'
    elseif known:match('^%d+') ~= version then reason = 'moved ' .. known end
  end
  if not reason then
    local seq = nextSeq()
    redis.call('HSET', P .. ':channels', channel, 'b' .. id)
    touch(sim, seq, id, true)
    keep(id, {node = node, fence = fence, channel = channel, sim = sim, gap = ARGV[i + 3], answered = '', covered = '',
      settled = '0', at = now, request = ARGV[7]})
    publish(seq, 'reserved', id, channel, sim, ARGV[7])
    return {'booked', tostring(seq), channel}
  end
  refused[#refused + 1] = reason
end
return refused
`;

// 5 reservation, 6 answered, 7 covered until. Confirms, or renews when it is confirmed already.
const COVER = `
if not isLeased() then return {'expired'} end
local id = ARGV[5]
local row = rowOf(id)
if not row or not isOwn(row) or row.settled ~= '0' then return {'gone'} end
row.answered, row.covered = ARGV[6], ARGV[7]
local seq = nextSeq()
keep(id, row)
touch(row.sim, seq, id, true)
publish(seq, 'covered', id, row.answered, row.covered)
return {'covered', tostring(seq)}
`;

// 5 reservation, 6 own | reaped, 7 channel in use, 8 record, 9 history kept in ms, 10 SIM.
// The first settlement counts, but a reaper's estimate gives way to what the owner measured.
const SETTLE = `
local id, isReaped, inUse = ARGV[5], ARGV[6] == 'reaped', ARGV[7] == '1'
local row = rowOf(id)
if isReaped and (not row or not isOwn(row) or row.settled ~= 'c') then return {'kept'} end
local doneKey = P .. ':done:' .. id
local done = redis.call('GET', doneKey)
local superseded = ''
if done then
  local how, entry = done:match('^(%a) (%S+)')
  if isReaped or how == 's' then
    if row and not inUse then
      local seq = nextSeq()
      local untilMs = free(id, row, true)
      touch(row.sim, seq, id, false)
      publish(seq, 'freed', id, untilMs)
      return {'settled-before', tostring(seq)}
    end
    return {'settled-before', ''}
  end
  superseded = entry
  redis.call('XDEL', P .. ':history', entry)
end
local keptMs = tonumber(ARGV[9])
local entry = redis.call('XADD', P .. ':history', 'MINID', '~', string.format('%d', now - keptMs), '*',
  'kind', 'settlement', 'at', now, 'reaped', isReaped and '1' or '0', 'supersedes', superseded, 'record', ARGV[8])
redis.call('SET', doneKey, (isReaped and 'r ' or 's ') .. entry, 'PX', ARGV[9])
local seq = nextSeq()
local untilMs = ''
if row then
  if inUse then
    row.settled = '1'
    keep(id, row)
  else
    untilMs = free(id, row, true)
  end
end
-- Its row may stand at another candidate, which Redis booked after the node had given up waiting and went on by itself.
if row and row.sim ~= ARGV[10] then
  touch(row.sim, seq, id, inUse)
  touch(ARGV[10], seq, id, false)
else touch(ARGV[10], seq, id, inUse and row ~= nil) end
publish(seq, 'settled', id, superseded, untilMs, entry, isReaped and '1' or '0', ARGV[8])
return {'settled', tostring(seq)}
`;

// 5 reservation: frees a settled channel.
const VACATE = `
local id = ARGV[5]
local row = rowOf(id)
if not row or row.node ~= node then return {'gone'} end
local seq = nextSeq()
local untilMs = free(id, row, true)
touch(row.sim, seq, id, false)
publish(seq, 'freed', id, untilMs)
return {'freed', tostring(seq)}
`;

// 5 reservation: of which no INVITE left. No trace, no gap.
const UNDO = `
local id = ARGV[5]
local row = rowOf(id)
if not row or row.node ~= node then return {'gone'} end
local seq = nextSeq()
free(id, row, ARGV[6] == 'rests')
touch(row.sim, seq, id, false)
publish(seq, 'undone', id, ARGV[6])
return {'undone', tostring(seq)}
`;

// 5 reservation, 6 channel, 7 SIM, 8 gap, 9 answered, 10 covered until, 11 settled, 12 when it was booked, 13 request: says
// again what this node holds, after Redis forgot it or while it was away. Refused when the channel went to somebody else meanwhile.
const RESTATE = `
if not isLeased() then return {'expired'} end
local id = ARGV[5]
local row = rowOf(id)
if row and row.node ~= node then return {'lost'} end
if row and row.channel ~= ARGV[6] then
  free(id, row, false)
  touch(row.sim, redis.call('GET', P .. ':seq'), id, false)
  row = nil
end
if not row and ARGV[11] == '0' and redis.call('EXISTS', P .. ':done:' .. id) == 1 then
  local done = redis.call('GET', P .. ':done:' .. id)
  if done:sub(1, 1) == 's' then return {'over'} end
end
local state = redis.call('HGET', P .. ':channels', ARGV[6])
if state and state:sub(1, 1) == 'b' and state ~= 'b' .. id then return {'lost'} end
for other in callsOf(redis.call('HGET', P .. ':sims', ARGV[7]) or '', ARGV[7], id):gmatch(' (%S+)') do
  if not sharesSim(rowOf(other).request) and not sharesSim(ARGV[13]) then return {'lost'} end
end
local seq = nextSeq()
redis.call('HSET', P .. ':channels', ARGV[6], 'b' .. id)
touch(ARGV[7], seq, id, true)
keep(id, {node = node, fence = fence, channel = ARGV[6], sim = ARGV[7], gap = ARGV[8], answered = ARGV[9],
  covered = ARGV[10], settled = ARGV[11], at = ARGV[12], request = ARGV[13]})
publish(seq, 'restated', id, ARGV[6], ARGV[7], ARGV[9], ARGV[10], ARGV[11], ARGV[12], ARGV[13])
return {'restated', tostring(seq)}
`;

// 5 a node whose lease has run out: what it holds becomes this node's to settle, marked as claimed. A node that holds nothing
// is forgotten.
const CLAIM = `
if not isLeased() then return {'expired'} end
local f, expires = readLease(redis.call('HGET', P .. ':nodes', ARGV[5]))
if not f or now < expires then return {'alive'} end
local claimed = {'claimed'}
for _, id in ipairs(redis.call('HKEYS', P .. ':live')) do
  local row = rowOf(id)
  if row.node == ARGV[5] then
    if row.settled == '0' then row.settled = 'c' end
    row.node, row.fence = node, fence
    keep(id, row)
    claimed[#claimed + 1] = id
    claimed[#claimed + 1] = redis.call('HGET', P .. ':live', id)
  end
end
redis.call('HDEL', P .. ':nodes', ARGV[5])
return claimed
`;

// 5 adjustment id, 6 adjustment, 7 history kept in ms, 8 SIM or nothing.
const ADJUST = `
local doneKey = P .. ':done:adjustment:' .. ARGV[5]
if redis.call('EXISTS', doneKey) == 1 then return {'adjusted-before'} end
local entry = redis.call('XADD', P .. ':history', 'MINID', '~', string.format('%d', now - tonumber(ARGV[7])), '*',
  'kind', 'adjustment', 'at', now, 'record', ARGV[6])
redis.call('SET', doneKey, entry, 'PX', ARGV[7])
redis.call('XADD', P .. ':adjustments', 'MAXLEN', '~', '100000', '*', 'record', ARGV[6])
local seq = nextSeq()
if ARGV[8] ~= '' then touch(ARGV[8], seq, '', false) end
publish(seq, 'adjusted', ARGV[5], entry, ARGV[8], ARGV[6])
return {'adjusted', tostring(seq)}
`;

// 5… reservation ids; 'adjustment:' before those of adjustments. Returns those that history does not have.
const MISSING = `
local missing = {}
for i = 5, #ARGV do
  if redis.call('EXISTS', P .. ':done:' .. ARGV[i]) == 0 then missing[#missing + 1] = ARGV[i] end
end
return missing
`;

// 5 last entry of history that is known. Everything at one instant: number, history behind it, what is live, versions.
const SNAPSHOT = `
return {redis.call('GET', P .. ':seq') or '0', tostring(now),
  redis.call('XRANGE', P .. ':history', '(' .. ARGV[5], '+'),
  redis.call('HGETALL', P .. ':live'), redis.call('HGETALL', P .. ':channels'), redis.call('HGETALL', P .. ':sims'),
  redis.call('HGETALL', P .. ':heldback')}
`;

// 5 last entry of history that is known, 6 how many.
const HISTORY = `return redis.call('XRANGE', P .. ':history', '(' .. ARGV[5], '+', 'COUNT', ARGV[6])`;

// 5 last entry that is known, 6 how many. Corrections outlive the history that is counted: somebody may ask why.
const ADJUSTMENTS = `return redis.call('XRANGE', P .. ':adjustments', '(' .. ARGV[5], '+', 'COUNT', ARGV[6])`;

// Ends this node's lease: it holds nothing any more.
const DETACH = `
local f = readLease(said[2])
if f == fence then redis.call('HDEL', P .. ':nodes', node) end
return {'detached'}
`;

// Requests that several nodes may get: 5 hash of the key, 6 what it is for, 7 kept in ms. A node may claim its own again: it knows what
// it has taken.
const CLAIM_KEY = `
local name = P .. ':key:' .. ARGV[5]
local owner, state, id = (redis.call('GET', name) or ''):match('^([^\\n]*)\\n(%a)\\n(.*)$')
if owner and owner ~= node then return {state == 'k' and 'taken' or 'pending', id} end
redis.call('SET', name, table.concat({node, 'p', ARGV[6]}, '\\n'), 'PX', ARGV[7])
return {'claimed'}
`;

// 5 hash of the key, 6 kept in ms.
const KEEP_KEY = `
local name = P .. ':key:' .. ARGV[5]
local owner, _, id = (redis.call('GET', name) or ''):match('^([^\\n]*)\\n(%a)\\n(.*)$')
if owner == node then redis.call('SET', name, table.concat({node, 'k', id}, '\\n'), 'PX', ARGV[6]) end
return {'kept'}
`;

// 5 hash of the key.
const GIVE_UP_KEY = `
local name = P .. ':key:' .. ARGV[5]
if (redis.call('GET', name) or ''):match('^([^\\n]*)') == node then redis.call('DEL', name) end
return {'given-up'}
`;

const OPERATIONS = {
  attach: PRELUDE + ATTACH,
  heartbeat: PRELUDE + SAME_RUN + HEARTBEAT,
  reserve: PRELUDE + SAME_RUN + RESERVE,
  cover: PRELUDE + SAME_RUN + COVER,
  settle: PRELUDE + SAME_RUN + SETTLE,
  vacate: PRELUDE + SAME_RUN + VACATE,
  undo: PRELUDE + SAME_RUN + UNDO,
  restate: PRELUDE + SAME_RUN + RESTATE,
  claim: PRELUDE + SAME_RUN + CLAIM,
  adjust: PRELUDE + SAME_RUN + ADJUST,
  missing: PRELUDE + SAME_RUN + MISSING,
  snapshot: PRELUDE + SNAPSHOT,
  history: PRELUDE + HISTORY,
  adjustments: PRELUDE + SAME_RUN + ADJUSTMENTS,
  detach: PRELUDE + SAME_RUN + DETACH,
  'claim-key': PRELUDE + SAME_RUN + CLAIM_KEY,
  'keep-key': PRELUDE + SAME_RUN + KEEP_KEY,
  'give-up-key': PRELUDE + SAME_RUN + GIVE_UP_KEY,
};

export type Operation = keyof typeof OPERATIONS;

/** The text of every script. */
export function scripts(time: string): ReadonlyMap<Operation, string> {
  return new Map(Object.entries(OPERATIONS).map(([name, text]) => [name as Operation, `${time}\n${text}`]));
}
