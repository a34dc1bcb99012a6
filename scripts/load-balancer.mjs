// The load balancer of a local cluster: a configuration of HAProxy that would suit real workers, too.

/** @param workers [{ name, host, port }] */
export function haproxyConfig({ host, port, workers }) {
  return `
# A live response has no end: what may last is the time in which nothing at all is sent.
defaults
  mode http
  timeout connect 2s
  timeout http-request 10s
  timeout client 1h
  timeout server 1h
  # A worker that refuses the connection is dead: the viewer goes to another one, before anybody has seen a byte.
  retries 3
  option redispatch 1
  # So is one that ends before it has answered. What may have changed something is not asked again.
  retry-on conn-failure empty-response
  option forwardfor
  # Media goes out as it comes.
  option http-no-delay
  # A viewer that leaves is told to its worker at once, also while no media flows. Otherwise it is counted for as long as a server
  # may be silent.
  option abortonclose

frontend viewers
  bind ${host}:${port}
  # What a client claims is dropped, "option forwardfor" writes the peer's.
  http-request del-header X-Forwarded-For
  http-request disable-l7-retry unless METH_GET
  default_backend workers

# With none of them up, viewers get 503. Those of a worker that only drains (/readyz says 503) keep their connections.
backend workers
  balance leastconn
  option httpchk GET /readyz
  http-check expect status 200
  default-server check inter 500ms fall 2 rise 1
${workers.map((worker) => `  server ${worker.name} ${worker.host}:${worker.port}`).join('\n')}
`.trimStart();
}
