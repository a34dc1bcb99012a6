/** The ECS agent of one task: a test decides its answers and sees its requests. */

import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createEcsAgent } from '../../tools/ecs-agent/agent.ts';
import type { WorkerEnv } from './worker.ts';

export interface Protection {
  readonly atMs: number;
  readonly enabled: boolean;
}

export const CLUSTER = 'streampool-test';

export class TaskAgent {
  /** Address of the task. */
  readonly address: string;
  /** Every request about protection, including renewals. */
  readonly protections: Protection[] = [];
  /** The status that ECS wants for the task. */
  desiredStatus: 'RUNNING' | 'STOPPED' = 'RUNNING';
  readonly #server: Server;
  #protectedUntilMs = 0;

  private constructor(address: string, revision: number) {
    this.address = address;
    this.#server = createEcsAgent({
      cluster: CLUSTER,
      family: 'streampool-test-worker',
      revision,
      zone: 'test-a',
      address,
      desiredStatus: () => this.desiredStatus,
      onProtection: ({ enabled, expiresInMinutes = 0 }) => {
        this.protections.push({ atMs: Date.now(), enabled });
        this.#protectedUntilMs = enabled ? Date.now() + expiresInMinutes * 60_000 : 0;
      },
    });
  }

  static async start(address: string, revision: number): Promise<TaskAgent> {
    const agent = new TaskAgent(address, revision);
    agent.#server.listen(0, '127.0.0.1');
    await once(agent.#server, 'listening');
    return agent;
  }

  get isProtected(): boolean {
    return Date.now() < this.#protectedUntilMs;
  }

  /** The variables that ECS sets for the container. */
  get env(): WorkerEnv {
    const { port } = this.#server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}`;
    return { ECS_AGENT_URI: url, ECS_CONTAINER_METADATA_URI_V4: `${url}/v4` };
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
