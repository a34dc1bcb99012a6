/** The dashboard and the rules for Prometheus: they ask only for what workers show, and lie where the local stack looks for them. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { SERIES } from '../../../services/proxy/src/metrics/series.ts';
import { METRICS, type MetricKey } from '../../../services/shared/metric-names.ts';
import {
  asGrafanaAsks,
  dashboard,
  dashboardExpressions,
  type Expression,
  measuredBy,
  ruleExpressions,
  rules,
} from '../../support/monitoring.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const all: readonly Expression[] = [...dashboardExpressions(), ...ruleExpressions()];

interface Service {
  readonly profiles?: readonly string[];
  readonly image?: string;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly secrets?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

const { services } = parse(read('docker-compose.yml'), { merge: true }) as {
  services: Readonly<Record<string, Service>>;
};

/** What Prometheus adds to what a worker shows. */
const OF_PROMETHEUS = ['job', 'instance', 'le'];
/** Added by `group_left`. */
const JOINED = ['worker'];

/** Each metric that an expression reads, with the labels by which it selects. */
function readBy(expr: string): { name: string; labels: string[] }[] {
  return [...expr.matchAll(/(streampool_\w+)(?:\{([^}]*)\})?/g)].map(([, name = '', selector = '']) => ({
    name,
    labels: [...selector.matchAll(/(\w+)(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
  }));
}

function seriesOf(name: string) {
  const keys = Object.keys(METRICS) as MetricKey[];
  const exact = keys.find((key) => METRICS[key] === name);
  if (exact !== undefined) return SERIES[exact];
  const [, base, part] = /^(.*)_(bucket|sum|count)$/.exec(name) ?? [];
  const histogram = keys.find((key) => METRICS[key] === base && SERIES[key].kind === 'histogram');
  return part === undefined || histogram === undefined ? undefined : SERIES[histogram];
}

describe('the dashboard and the rules', () => {
  it('read only metrics that there are, by labels that they have', () => {
    expect(all.length).toBeGreaterThan(50);
    for (const { of, expr } of all) {
      const asked = readBy(expr);
      expect(asked.length, of).toBeGreaterThan(0);
      for (const { name, labels } of asked) {
        const known = [...(seriesOf(name)?.labels ?? []), ...OF_PROMETHEUS];
        expect(seriesOf(name), `${of}: ${name}`).toBeDefined();
        expect(
          labels.filter((label) => !known.includes(label)),
          `${of}: ${name}`,
        ).toEqual([]);
      }
      const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, names = '']) => names.split(', '));
      const labels = asked.flatMap(({ name }) => seriesOf(name)?.labels ?? []);
      expect(
        grouped.filter((label) => ![...labels, ...OF_PROMETHEUS, ...JOINED].includes(label)),
        of,
      ).toEqual([]);
    }
  });

  it('show a counter only by how it grows', () => {
    for (const { of, expr } of all) {
      const bare = [...expr.matchAll(/(?<!(?:rate|increase)\()streampool_\w+_(?:total|bucket|count)\b/g)];
      expect(
        bare.map(([name]) => name),
        of,
      ).toEqual([]);
    }
  });

  it('have the numbers, plots and lists that people look for, each under a title of its own', () => {
    const { panels, templating, annotations } = dashboard();
    const titles = panels.map(({ title }) => title);
    expect(new Set(titles.filter((title) => title !== 'Viewers')).size).toBeGreaterThan(25);
    expect(titles).toEqual(
      expect.arrayContaining([
        'Viewers and bandwidth',
        'Joins',
        'What went wrong',
        'Streams',
        'Providers',
        'Workers',
        'Redis',
      ]),
    );
    expect(templating.list.map(({ name }) => name)).toEqual(['source', 'job', 'worker']);
    expect(annotations.list.map(({ name }) => name)).toEqual(['Takeovers', 'Drains']);
    for (const { expr } of dashboardExpressions()) {
      expect(asGrafanaAsks(expr, '15s')).not.toContain('$');
      expect(expr).toContain('job=~"$job",instance=~"$worker"');
    }
  });

  it('choose workers by name, as their label says it', () => {
    const regex = dashboard().templating.list.find(({ name }) => name === 'worker')?.regex ?? '';
    const answer =
      'streampool_info{instance="10.0.0.7:8085", job="worker", revision="", version="0.2.0", worker="w-1"} 1 1';
    expect(new RegExp(regex.slice(1, -1)).exec(answer)?.groups).toEqual({ value: '10.0.0.7:8085', text: 'w-1' });
  });
});

describe('each rule', () => {
  it.each(rules())('$alert says what is wrong and what to do', ({ labels, annotations }) => {
    expect(Object.keys(annotations)).toEqual(['summary', 'description']);
    for (const text of Object.values(annotations)) expect(text).toMatch(/^[A-Z{].*\.$/s);
    expect(['warning', 'critical']).toContain(labels.severity);
  });

  it.each(ruleExpressions())('$of has a limit', ({ expr }) => {
    expect(measuredBy(expr)).not.toBe(expr);
    expect(measuredBy(expr)).not.toMatch(/ (?:>|>=|==) [\d.e]+$/);
  });
});

describe('the profile `monitoring` of the local stack', () => {
  it('has Prometheus and Grafana, and nothing else does', () => {
    const inProfile = Object.entries(services).filter(([, { profiles }]) => profiles !== undefined);
    expect(inProfile.map(([name, { profiles }]) => [name, profiles])).toEqual([
      ['prometheus', ['monitoring']],
      ['grafana', ['monitoring']],
    ]);
  });

  it('gives each file that is mounted to where it is looked for', () => {
    const mounted = Object.values(services)
      .flatMap(({ volumes = [] }) => volumes)
      .filter((volume) => volume.startsWith('./'))
      .map((volume) => volume.split(':') as [from: string, to: string]);
    expect(mounted.filter(([from]) => !existsSync(join(ROOT, from)))).toEqual([]);
    const to = new Map(mounted);
    const prometheus = parse(read('local/prometheus.yml')) as { rule_files: string[] };
    expect(prometheus.rule_files.map((file) => `/etc/prometheus/${file}`)).toEqual([to.get('./local/alerts.yml')]);
    const { providers } = parse(read('local/grafana/provisioning/dashboards/streampool.yml')) as {
      providers: { options: { path: string } }[];
    };
    const shown = to.get('./local/grafana/streampool.json');
    expect(providers.map(({ options }) => `${options.path}/streampool.json`)).toEqual([shown]);
    expect(services.grafana?.environment?.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH).toBe(shown);
    const { datasources } = parse(read('local/grafana/provisioning/datasources/prometheus.yml')) as {
      datasources: { url: string; type: string }[];
    };
    expect(datasources).toMatchObject([{ type: 'prometheus', url: 'http://prometheus:9090' }]);
  });

  it('has Grafana on the loopback address, with a password of this machine', () => {
    expect(services.grafana).toMatchObject({
      ports: [expect.stringMatching(/^127\.0\.0\.1:/)],
      secrets: ['grafana_password'],
      environment: { GF_SECURITY_ADMIN_PASSWORD__FILE: '/run/secrets/grafana_password' },
    });
  });
});
