-- Sends the requests of a file in turn, and says at the end how it went, as a JSON line.
-- The file (REQUESTS): whole HTTP/1.1 requests, each behind a line with its length.
local requests, number = {}, 0

function init()
	local file = assert(io.open(os.getenv("REQUESTS"), "rb"))
	local text = file:read("*a")
	file:close()
	local at = 1
	while at <= #text do
		local from, to = text:find("\n", at, true)
		local size = tonumber(text:sub(at, from - 1))
		requests[#requests + 1] = text:sub(to + 1, to + size)
		at = to + size + 1
	end
end

function request()
	number = number % #requests + 1
	return requests[number]
end

function done(summary, latency)
	local errors = summary.errors
	io.write(string.format('{"requests": %d, "seconds": %.6f, "failed": %d, "p50_us": %.1f, "p95_us": %.1f, '
		.. '"p99_us": %.1f, "p999_us": %.1f}\n',
		summary.requests, summary.duration / 1e6,
		errors.connect + errors.read + errors.write + errors.status + errors.timeout,
		latency:percentile(50), latency:percentile(95), latency:percentile(99), latency:percentile(99.9)))
end
