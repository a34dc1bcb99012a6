/** For the tests that imitate ECS with the same load balancer. */
export function haproxyConfig(options: {
  host: string;
  port: number;
  workers: readonly { name: string; host: string; port: number | string }[];
}): string;
