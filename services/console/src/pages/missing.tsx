/** An address that the console does not have. */

import { Link } from '../parts/link.tsx';
import { addressOf } from '../shell/address.ts';
import { words } from '../words/words.ts';

export function Missing() {
  const { missing } = words;
  return (
    <main id="content">
      <h1 tabIndex={-1}>{missing.heading}</h1>
      <p>{missing.text}</p>
      <p>
        <Link to={addressOf('')}>{missing.link}</Link>
      </p>
    </main>
  );
}
