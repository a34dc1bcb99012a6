// The last step of the local stack: creates the demo stream through the load balancer, plays it until media flows, and
// prints the addresses.
import { curlAuthorization, playingDemoStream, typed, workerReady } from '../scripts/demo-stream.mjs';
import { run, SetupError } from '../scripts/setup.mjs';

/** @returns the value of a required environment variable */
function needed(name) {
  const value = process.env[name];
  if (!value) throw new SetupError(`${name} is missing.`);
  return value;
}

await run(async () => {
  // The address inside the stack, and the address for people.
  const inside = needed('API_URL');
  const outside = needed('PUBLIC_URL');
  const { signal } = new AbortController();
  await workerReady(inside, signal);
  const url = (await playingDemoStream(inside, needed('SOURCE_URL'), signal)).replace(inside, outside);
  console.log(`
  Streampool is running, and this stream plays now:

    ${url}

    ffplay ${typed(url)}
    vlc ${typed(url)}

    statistics    curl ${outside}/stats${curlAuthorization()}
    admin         curl ${outside}/admin/stats -H "Authorization: Bearer $ADMIN_TOKEN"
    the API       ${outside}/docs
`);
});
