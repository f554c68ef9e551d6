-- Posts the lines of a file in turn, each a body, and says at the end what wrk has measured as one line of JSON.
local requests = {}
local turn = 0

function init()
  local headers = { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN") }
  for body in io.lines(os.getenv("BENCH_BODIES")) do
    requests[#requests + 1] = wrk.format("POST", nil, headers, body)
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

function done(summary, latency)
  local errors = summary.errors
  local failures = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format(
    '\n{"requests": %d, "microseconds": %d, "bytes": %d, "failures": %d, "mean_us": %f, "p50_us": %f, "p99_us": %f}\n',
    summary.requests, summary.duration, summary.bytes, failures,
    latency.mean, latency:percentile(50), latency:percentile(99)))
end
