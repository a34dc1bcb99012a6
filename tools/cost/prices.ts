/** List prices of us-east-1 in USD, as of November 2026. Egress is in services/admin-lambda/src/egress-cost.ts. */

export const PRICED = 'list prices of us-east-1, November 2026, without free tiers except that of egress';

/** Source of the prices of Redis nodes; shown beside them. */
export const REDIS_PRICED = 'us-east-1, 2 October 2026, second-hand; set your own with --redis-hour';

export const PRICES = {
  /** Per hour of one vCPU, and of one GB. */
  fargate: {
    arm64: { vcpu: 0.03238, gb: 0.00356 },
    x86_64: { vcpu: 0.04048, gb: 0.004445 },
  },
  /** Per hour of a public IPv4 address. */
  ipv4: 0.005,
  /** Per hour, and per hour and unit. A unit is 1 GB an hour, or 3000 open connections. */
  loadBalancer: { hour: 0.0225, unit: 0.008, unitGb: 1, unitConnections: 3000 },
  /** Per GB between zones: AWS bills what leaves one zone and what enters the other. */
  crossZoneGb: 0.02,
  /**
   * Per hour of a Valkey node, 80 % of a Redis OSS node. AWS shows its own list only to browsers. These are other people's copies
   * of the Price List API (service AmazonElastiCache, engine Valkey, us-east-1), as of the date above.
   */
  redisHour: {
    'cache.t4g.micro': 0.0128,
    'cache.t4g.small': 0.0256,
    'cache.t4g.medium': 0.052,
    'cache.m7g.large': 0.1264,
    'cache.m7g.xlarge': 0.252,
    'cache.r7g.large': 0.1752,
  } as Readonly<Record<string, number>>,
  /** Per month. */
  secret: 0.4,
  /** Per million calls, and per GB-second on arm64. */
  lambda: { million: 0.2, gbSecond: 0.0000133334 },
  /** Per million requests of an HTTP API. */
  apiMillion: 1,
  /** Per GB written, and per metric and alarm in a month. */
  cloudWatch: { logGb: 0.5, metric: 0.3, alarm: 0.1 },
  /** Per GB and month of images. */
  imageGb: 0.1,
  /** S3 Standard: per GB and month, and per thousand PUTs. */
  bucket: { gb: 0.023, putThousand: 0.005 },
} as const;
