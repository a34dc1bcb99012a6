/** What to do with a Streampool that has nothing yet: three ways in, with this address in them. */

import { Command } from '../parts/command.tsx';
import { ORIGIN } from '../shell/address.ts';
import { hasToken } from '../shell/token.ts';
import { words } from '../words/words.ts';

/** The token itself stands in no page. */
const TOKEN = ' -H "X-API-Token: $API_TOKEN"';

function createCommand(): string {
  const head = `curl ${ORIGIN}/transcode${hasToken() ? TOKEN : ''} -H "Content-Type: application/json" \\`;
  return `${head}\n  -d '{"url": "http://provider.example/channel.ts", "profile": "720p", "metadata": {"name": "Channel"}}'\n# ${ORIGIN}/stream/STREAM_ID`;
}

export function Begin() {
  const { empty } = words.now;
  return (
    <section class="empty" aria-labelledby="begin">
      <h2 id="begin">{empty.heading}</h2>
      <p>{empty.text}</p>
      <ol>
        <li>
          <p>{empty.demo}</p>
          <Command text="npm start -- --demo" label={empty.demo} />
        </li>
        <li>
          <p>{empty.stream}</p>
          <Command text={createCommand()} label={empty.stream} />
        </li>
        <li>
          <p>{empty.list}</p>
          <Command text="docker compose -f examples/m3u-editor/docker-compose.yml up -d" label={empty.list} />
          <p>{empty.listHint}</p>
          <Command text={ORIGIN} label={empty.listHint} />
        </li>
      </ol>
    </section>
  );
}
