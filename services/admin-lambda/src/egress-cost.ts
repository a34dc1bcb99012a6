/** What bytes to the internet cost on AWS. Pure; `npm run cost` and the admin API share it. */

export interface PriceTier {
  /** The tier holds up to this many GB a month; Infinity for the last tier. */
  upToGb: number;
  usdPerGb: number;
}

/** Data transfer out to the internet, list price of us-east-1 (2026); GB are 10⁹ bytes. */
export const US_EAST_1_EGRESS: readonly PriceTier[] = [
  { upToGb: 100, usdPerGb: 0 },
  { upToGb: 10_240, usdPerGb: 0.09 },
  { upToGb: 51_200, usdPerGb: 0.085 },
  { upToGb: 153_600, usdPerGb: 0.07 },
  { upToGb: Number.POSITIVE_INFINITY, usdPerGb: 0.05 },
];

/** Hours in a month, as AWS counts. */
export const HOURS_PER_MONTH = 730;

/** GB in a month at this rate. */
export function monthlyGb(bytesPerSecond: number): number {
  return (bytesPerSecond * 3600 * HOURS_PER_MONTH) / 1e9;
}

/**
 * The price of this many GB, each part of them in its tier.
 *
 * @example egressUsd(1100) // 90: the first 100 GB are free
 */
export function egressUsd(gb: number, tiers: readonly PriceTier[] = US_EAST_1_EGRESS): number {
  let usd = 0;
  let from = 0;
  for (const { upToGb, usdPerGb } of tiers) {
    usd += Math.max(0, Math.min(gb, upToGb) - from) * usdPerGb;
    from = upToGb;
  }
  return usd;
}
