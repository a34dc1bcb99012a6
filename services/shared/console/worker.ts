/** What `GET /console/worker` answers: one declaration for both sides. */

export interface ShownSetting {
  readonly name: string;
  readonly group: string;
  /** `set` for a secret; null where there is none. */
  readonly value: string | null;
  readonly default: string;
  readonly source: 'environment' | 'default';
  readonly meaning: string;
}

export interface WorkerAnswer {
  readonly worker_id: string;
  readonly version: string;
  readonly uptime_seconds: number;
  readonly ffmpeg: { readonly version: string; readonly path: string };
  readonly hardware: {
    /** What the settings ask for. */
    readonly asked: string;
    readonly type: string;
    readonly device: string | null;
    readonly hevc: boolean;
    readonly reason: string | null;
  };
  readonly warnings: readonly { readonly kind: string; readonly text: string }[];
  readonly settings: readonly ShownSetting[];
}
