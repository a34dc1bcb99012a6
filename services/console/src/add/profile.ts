/** A profile as `GET /transcode/profiles` has it. */
export interface Profile {
  readonly name: string;
  /** What it does, in one sentence. */
  readonly description: string;
  /** Variables that somebody may set, with their defaults. */
  readonly parameters: Readonly<Record<string, string>>;
}
