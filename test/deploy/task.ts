/** One ECS task: a real worker on an address of its own, beside it the agent that it asks, and the probe of its container. */

import { setTimeout as sleep } from 'node:timers/promises';
import { arnOf } from '../../tools/ecs-agent/agent.ts';
import type { TestCluster } from '../support/cluster.ts';
import { Probe } from '../support/probe.ts';
import { CLUSTER, type Protection, TaskAgent } from '../support/task-agent.ts';
import type { Exit, Worker, WorkerEnv } from '../support/worker.ts';
import type { LoadBalancer } from './load-balancer.ts';

/** What all tasks of a service have in common. */
export interface Service {
  readonly cluster: TestCluster;
  readonly balancer: LoadBalancer;
  readonly times: StopTimes;
}

/** How ECS stops a task, and how often it runs the probe of its container. */
export interface StopTimes {
  readonly probeIntervalMs: number;
  /** It waits for all of it, even when nobody is left. */
  readonly deregistrationMs: number;
  /** From SIGTERM to SIGKILL. */
  readonly stopTimeoutMs: number;
}

export interface TaskDefinition {
  readonly revision: number;
  readonly env: WorkerEnv;
}

export class Task {
  readonly id: string;
  readonly revision: number;
  /** As in a VPC, each has its own. */
  readonly address: string;
  readonly worker: Worker;
  readonly startedAtMs = Date.now();
  wasHealthy = false;
  /** Times of what became of it, since the Unix epoch. */
  stopAtMs: number | undefined;
  sigtermAtMs: number | undefined;
  exitedAtMs: number | undefined;
  exit: Exit | undefined;
  wasKilled = false;
  /** Its viewers when ECS decided to stop it. */
  viewersAtStop = 0;
  readonly #agent: TaskAgent;
  readonly #service: Service;

  private constructor(id: string, { revision }: TaskDefinition, agent: TaskAgent, worker: Worker, service: Service) {
    this.id = id;
    this.revision = revision;
    this.address = agent.address;
    this.worker = worker;
    this.#agent = agent;
    this.#service = service;
    void this.#runProbe();
    void worker.exited.then((exit) => {
      this.exitedAtMs = Date.now();
      this.exit = exit;
    });
  }

  /** Starts it and registers it with the load balancer. */
  static async start(number: number, definition: TaskDefinition, service: Service): Promise<Task> {
    const id = `task-${number}`;
    const agent = await TaskAgent.start(`127.0.1.${number}`, definition.revision);
    try {
      const env = { ...definition.env, ...agent.env, HOST: agent.address };
      const worker = await service.cluster.start(id, env);
      const task = new Task(id, definition, agent, worker, service);
      await service.balancer.add(id, task.address, new URL(worker.url).port);
      return task;
    } catch (error) {
      agent.close();
      throw error;
    }
  }

  get arn(): string {
    return arnOf(CLUSTER, this.address);
  }

  get isProtected(): boolean {
    return this.#agent.isProtected;
  }

  /** Every request about protection, renewals too. */
  get protections(): readonly Protection[] {
    return this.#agent.protections;
  }

  get desiredStatus(): TaskAgent['desiredStatus'] {
    return this.#agent.desiredStatus;
  }

  get isStopping(): boolean {
    return this.desiredStatus === 'STOPPED';
  }

  /** The order of events of ECS: out of the load balancer, the whole delay, SIGTERM, the stop timeout, SIGKILL. */
  async stop(): Promise<void> {
    const { balancer, times } = this.#service;
    this.#agent.desiredStatus = 'STOPPED';
    this.stopAtMs = Date.now();
    this.viewersAtStop = await balancer.sessions(this.id);
    await balancer.drain(this.id);
    await Promise.race([sleep(times.deregistrationMs), this.worker.exited]);
    this.sigtermAtMs = Date.now();
    this.worker.signal('SIGTERM');
    const timeout = new AbortController();
    const late = sleep(times.stopTimeoutMs, 'late' as const, { signal: timeout.signal }).catch(
      () => 'in time' as const,
    );
    if ((await Promise.race([late, this.worker.exited])) === 'late') {
      this.wasKilled = true;
      await this.worker.kill();
    }
    timeout.abort();
    await this.worker.exited;
    await this.release();
  }

  /** As a container runtime does: the next time begins when the last one has ended. ECS itself ignores the answer. */
  async #runProbe(): Promise<void> {
    const probe = await Probe.of({ pid: this.worker.pid, url: this.worker.url });
    while (this.exit === undefined) {
      await Promise.race([sleep(this.#service.times.probeIntervalMs), this.worker.exited]);
      if (this.exit === undefined) await probe.run();
    }
    await probe.close();
  }

  /** Of what has ended nothing is left. */
  async release(): Promise<void> {
    this.#agent.close();
    await this.#service.balancer.remove(this.id);
  }
}
