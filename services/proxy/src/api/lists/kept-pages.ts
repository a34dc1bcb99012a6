/** The pages of a list that were asked for, made once for all who ask the same, until what they are made of has been read anew. */

/** Questions that are remembered at a time. */
const KEPT = 100;

export class KeptPages<Source extends object, Question, Page> {
  #source: Source | undefined;
  readonly #pages = new Map<string, Promise<Page>>();

  /** @param make called when nobody has asked this of the source before; when it fails, the next call tries again */
  of(source: Source, question: Question, make: () => Promise<Page>): Promise<Page> {
    if (source !== this.#source || this.#pages.size >= KEPT) this.#pages.clear();
    this.#source = source;
    const key = JSON.stringify(question);
    const kept = this.#pages.get(key);
    if (kept !== undefined) return kept;
    const page = make();
    this.#pages.set(key, page);
    page.catch(() => {
      if (this.#pages.get(key) === page) this.#pages.delete(key);
    });
    return page;
  }
}
