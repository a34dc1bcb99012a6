/** The ECS agent of the local stack as a program: it answers the workers, and logs each protection as a line of JSON. */

import { createEcsAgent } from './ecs-agent/agent.ts';

const server = createEcsAgent({
  cluster: 'streampool-local',
  family: 'streampool-worker',
  revision: Number(process.env.REVISION || 1),
  zone: process.env.AVAILABILITY_ZONE || 'local-a',
  onProtection: (change) => console.log(JSON.stringify({ time: new Date().toISOString(), ...change })),
});

server.on('error', (error) => {
  console.error(`The ECS agent stub cannot listen: ${error.message}`);
  process.exit(1);
});
server.listen(Number(process.env.PORT || 51678), process.env.HOST || '0.0.0.0');
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(0));
