// Preloaded into every process of a synthesis: whoever looks up a name or connects says so in a file, and fails.
const { appendFileSync } = require('node:fs');
const dns = require('node:dns');
const net = require('node:net');

function refuse(what) {
  appendFileSync(process.env.NETWORK_LOG, `${what}\n`);
  throw new Error(`no network here: ${what}`);
}

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...args) {
  // Already normalized by net.connect, or as the caller gave them.
  const options = [args[0]].flat()[0];
  // A pipe to another process of this machine has a path.
  if (typeof options === 'object' && options !== null && options.path) return connect.apply(this, args);
  return refuse(JSON.stringify(options));
};
dns.lookup = (name) => refuse(`lookup ${name}`);
dns.promises.lookup = async (name) => refuse(`lookup ${name}`);
