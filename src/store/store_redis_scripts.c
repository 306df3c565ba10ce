#include "store/store_redis_scripts.h"

/*
 * "#!lua": the server refuses such a script before it begins where it would fail in its middle (out
 * of memory, a replica, a disk that is full). Names are given to all scripts alike.
 */
#define BEGIN                                                                                      \
	"#!lua\n"                                                                                  \
	"local record, lease, old, tables = unpack(KEYS)\n"                                        \
	"local name = ARGV[1]\n"                                                                   \
	"local function retire(generation)\n"                                                      \
	"  redis.call('SADD', old, generation)\n"                                                  \
	"end\n"                                                                                    \
	"local function mark()\n"                                                                  \
	"  local current, position = unpack(redis.call('HMGET', record, 'current', 'position'))\n" \
	"  return (current or '0') .. ' ' .. (position or '0 0'), current\n"                       \
	"end\n"

/*
 * Times are "event created", two int64 in decimal: more than a number of Lua holds, so they are
 * compared by sign, length, and then in halves. A row replaces another whole, since it may have
 * other fields. Keys are listed as they come, so that a generation can be removed without a search.
 * unpack() takes some 8000 values at most.
 */
#define ROWS                                                                       \
	"local function compare(a, b)\n"                                           \
	"  if a == b then return 0 end\n"                                          \
	"  local a_minus, b_minus = a:byte(1) == 45, b:byte(1) == 45\n"            \
	"  if a_minus ~= b_minus then return a_minus and -1 or 1 end\n"            \
	"  if a_minus then a, b = b:sub(2), a:sub(2) end\n"                        \
	"  if #a ~= #b then return #a > #b and 1 or -1 end\n"                      \
	"  local a_high, b_high = a:sub(1, -10), b:sub(1, -10)\n"                  \
	"  if a_high == b_high then a_high, b_high = a:sub(-9), b:sub(-9) end\n"   \
	"  return tonumber(a_high) > tonumber(b_high) and 1 or -1\n"               \
	"end\n"                                                                    \
	"local function wins(new, stored)\n"                                       \
	"  if new == stored then return true end\n"                                \
	"  local event, created = new:match('^(%S+) (%S+)$')\n"                    \
	"  local stored_event, stored_created = stored:match('^(%S+) (%S+)$')\n"   \
	"  local order = compare(event, stored_event)\n"                           \
	"  if order == 0 then order = compare(created, stored_created) end\n"      \
	"  return order >= 0\n"                                                    \
	"end\n"                                                                    \
	"local function write(generation, at, last_wins)\n"                        \
	"  local list = record .. ':' .. generation\n"                             \
	"  local base, fresh, written = list .. ':', {}, 0\n"                      \
	"  while at <= #ARGV do\n"                                                 \
	"    local row, count, first = ARGV[at], tonumber(ARGV[at + 1]), at + 2\n" \
	"    local key, last = base .. row, at + 1 + count\n"                      \
	"    local stored = redis.call('HGET', key, '_times')\n"                   \
	"    if not stored or last_wins or wins(ARGV[first + 1], stored) then\n"   \
	"      if stored then redis.call('UNLINK', key)\n"                         \
	"      else fresh[#fresh + 1] = row end\n"                                 \
	"      for i = first, last, 4000 do\n"                                     \
	"        local to = i + 3999 < last and i + 3999 or last\n"                \
	"        redis.call('HSET', key, unpack(ARGV, i, to))\n"                   \
	"      end\n"                                                              \
	"      written = written + 1\n"                                            \
	"    end\n"                                                                \
	"    at = last + 1\n"                                                      \
	"  end\n"                                                                  \
	"  for i = 1, #fresh, 4000 do\n"                                           \
	"    local to = i + 3999 < #fresh and i + 3999 or #fresh\n"                \
	"    redis.call('RPUSH', list, unpack(fresh, i, to))\n"                    \
	"  end\n"                                                                  \
	"  return written\n"                                                       \
	"end\n"

/* Only the load that the record names may go on; whoever lost its lease to another is not named any
 * more. Who goes on with a load fills the same generation under another token. */
#define LOAD                                                                                 \
	"local token, lease_ms, generation = ARGV[2], ARGV[3], ARGV[4]\n"                    \
	"local loading, loader = unpack(redis.call('HMGET', record, 'loading', 'loader'))\n" \
	"if loading ~= generation or loader ~= token then return 0 end\n"

/* How far a load with a tag is. Without that nobody goes on with it. */
#define FORGET                                                                              \
	"local function forget()\n"                                                         \
	"  redis.call('HDEL', record, 'load_tag', 'load_rows', 'load_bytes', 'load_key')\n" \
	"end\n"

static const char *const texts[] = {
	/* So that a right which lacks is told before a row is written, not between two. */
	[ASOF_REDIS_TRY] = BEGIN
	"for _, command in ipairs({{'HSET', 'a', '1'}, {'HINCRBY', 'a', 1}, {'HMGET', 'a'},\n"
	"    {'HGET', 'a'}, {'HDEL', 'a'}, {'SADD', '1'}, {'SRANDMEMBER'}, {'SREM', '1'},\n"
	"    {'RPUSH', '1'}, {'LPOP', 1}, {'SET', '1', 'PX', 1000}, {'GET'}, {'PTTL'},\n"
	"    {'EXISTS'}, {'DEL'}, {'UNLINK'}}) do\n"
	"  local answer = redis.pcall(command[1], lease, unpack(command, 2))\n"
	"  if type(answer) == 'table' and answer.err then\n"
	"    if not answer.err:find(\"can't run this\") then return answer end\n"
	"    return redis.error_reply('NOPERM the user has no right to run ' .. command[1])\n"
	"  end\n"
	"end\n"
	"return 1\n",
	[ASOF_REDIS_PUT] = BEGIN ROWS
	"local current, loading, tag = unpack(redis.call('HMGET', record, 'current', 'loading',\n"
	"  'load_tag'))\n"
	/* Its load is dead, and nobody will go on with it. */
	"if loading and not tag and redis.call('EXISTS', lease) == 0 then\n"
	"  retire(loading)\n"
	"  redis.call('HDEL', record, 'loading', 'loader')\n"
	"  loading = false\n"
	"end\n"
	"if not current then\n"
	"  current = redis.call('HINCRBY', record, 'last', 1)\n"
	"  redis.call('HSET', record, 'current', current, 'meta', '')\n"
	"  redis.call('SADD', tables, name)\n"
	"end\n"
	"redis.call('HINCRBY', record, 'writes', 1)\n"
	"local written = write(current, 2)\n"
	"if loading then\n"
	"  redis.call('HSET', record, 'load_put', 1)\n"
	"  write(loading, 2)\n"
	"end\n"
	"return written\n",
	[ASOF_REDIS_UPDATE] = BEGIN ROWS "local found, current = mark()\n"
					 "if not current or found ~= ARGV[2] then return 0 end\n"
					 "redis.call('HINCRBY', record, 'writes', 1)\n"
					 "write(current, 4, true)\n"
					 "redis.call('HSET', record, 'position', ARGV[3])\n"
					 "return 1\n",
	[ASOF_REDIS_DROP] = BEGIN "local current = redis.call('HGET', record, 'current')\n"
				  "if current then\n"
				  "  retire(current)\n"
				  "  redis.call('HDEL', record, 'current', 'meta', 'position')\n"
				  "  redis.call('HINCRBY', record, 'writes', 1)\n"
				  "end\n"
				  "redis.call('SREM', tables, name)\n"
				  "return 1\n",
	[ASOF_REDIS_LOAD_BEGIN] = BEGIN FORGET
	"local token, lease_ms, tag = ARGV[2], ARGV[3], ARGV[4]\n"
	"local holder = redis.call('GET', lease)\n"
	"if holder and holder ~= token then return {0, redis.call('PTTL', lease)} end\n"
	"local left, left_tag = unpack(redis.call('HMGET', record, 'loading', 'load_tag'))\n"
	"if not left or left_tag ~= tag then\n" /* without a tag: never equal */
	"  if left then retire(left) end\n"
	"  forget()\n"
	"  redis.call('HDEL', record, 'load_put')\n"
	"  redis.call('HSET', record, 'loading', redis.call('HINCRBY', record, 'last', 1))\n"
	"  if tag ~= '' then redis.call('HSET', record, 'load_tag', tag) end\n"
	"end\n"
	"redis.call('HSET', record, 'loader', token)\n"
	"redis.call('SET', lease, token, 'PX', lease_ms)\n"
	"return {1, unpack(redis.call('HMGET', record, 'loading', 'load_rows', 'load_bytes',\n"
	"  'load_key'))}\n",
	/* Rows that were updated once are not to be updated again: then nobody goes on. */
	[ASOF_REDIS_LOAD_PUT] = BEGIN ROWS LOAD FORGET
	"redis.call('SET', lease, token, 'PX', lease_ms)\n"
	"write(generation, 9, ARGV[5] == 'last wins')\n"
	"if ARGV[5] == 'last wins' then forget()\n"
	"elseif redis.call('HGET', record, 'load_tag') then\n"
	"  redis.call('HSET', record, 'load_rows', ARGV[6], 'load_bytes', ARGV[7],\n"
	"    'load_key', ARGV[8])\n"
	"end\n"
	"return 1\n",
	[ASOF_REDIS_LOAD_RENEW] = BEGIN LOAD "redis.call('SET', lease, token, 'PX', lease_ms)\n"
					     "return 1\n",
	[ASOF_REDIS_LOAD_LEAVE] = BEGIN LOAD "redis.call('HDEL', record, 'loader')\n"
					     "redis.call('DEL', lease)\n"
					     "return 1\n",
	/* Done already where it was done and its answer lost. */
	[ASOF_REDIS_LOAD_COMMIT] = BEGIN
	"if redis.call('HGET', record, 'switched_by') == ARGV[2] then return 1 end\n" LOAD FORGET
	"local found, current = mark()\n"
	"if ARGV[6] ~= '' and found ~= ARGV[6] then return 2 end\n"
	"if current then retire(current) end\n"
	"redis.call('HSET', record, 'current', generation, 'meta', ARGV[7],\n"
	"  'position', ARGV[5], 'switched_by', token)\n"
	"redis.call('HDEL', record, 'loading', 'loader')\n"
	"forget()\n"
	"redis.call('HINCRBY', record, 'writes', 1)\n"
	"redis.call('SADD', tables, name)\n"
	"redis.call('DEL', lease)\n"
	"return 1\n",
	[ASOF_REDIS_LOAD_ABORT] =
		BEGIN LOAD FORGET "retire(generation)\n"
				  "redis.call('HDEL', record, 'loading', 'loader')\n"
				  "forget()\n"
				  "redis.call('DEL', lease)\n"
				  "return 1\n",
	[ASOF_REDIS_SWEEP] =
		BEGIN "local generation = redis.call('SRANDMEMBER', old)\n"
		      "if not generation then return 0 end\n"
		      "local list = record .. ':' .. generation\n"
		      "local rows = redis.call('LPOP', list, ARGV[2])\n"
		      "if not rows then\n"
		      "  redis.call('SREM', old, generation)\n"
		      "  return redis.call('EXISTS', old)\n"
		      "end\n"
		      "for _, row in ipairs(rows) do redis.call('UNLINK', list .. ':' .. row) end\n"
		      "return 1\n",
};

struct asof_str
asof_redis_script_text(enum asof_redis_script script)
{
	return asof_str_from(texts[script]);
}
