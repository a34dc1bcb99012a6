/** The expressions of the dashboard and of the rules, as Prometheus is asked them. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const LOCAL = join(import.meta.dirname, '..', '..', 'local');

export interface Expression {
  /** Where it stands, for people. */
  readonly of: string;
  readonly expr: string;
}

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

export interface Dashboard {
  readonly panels: readonly Panel[];
  readonly annotations: { readonly list: readonly { readonly name: string; readonly expr: string }[] };
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly query: unknown; readonly regex?: string }[];
  };
}

export interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export function dashboard(): Dashboard {
  return JSON.parse(readFileSync(join(LOCAL, 'grafana', 'streampool.json'), 'utf8')) as Dashboard;
}

export function rules(): readonly Rule[] {
  const { groups } = parse(readFileSync(join(LOCAL, 'alerts.yml'), 'utf8')) as {
    groups: readonly { readonly rules: readonly Rule[] }[];
  };
  return groups.flatMap((group) => group.rules);
}

/** Of the panels and the marks on them. */
export function dashboardExpressions(): Expression[] {
  const { panels, annotations } = dashboard();
  const shown = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ of: title, expr })));
  return [...shown, ...annotations.list.map(({ name, expr }) => ({ of: `mark: ${name}`, expr }))];
}

export function ruleExpressions(): Expression[] {
  return rules().map(({ alert, expr }) => ({ of: alert, expr }));
}

/**
 * As Grafana asks it, with all jobs and workers.
 * @param rate what `$__rate_interval` is, such as `15s`
 */
export function asGrafanaAsks(expr: string, rate: string): string {
  return expr.replaceAll(/\$(?:job|worker)\b/g, '.+').replaceAll('$__rate_interval', rate);
}

/** What a rule measures, without the limit at which it becomes an alert. */
export function measuredBy(expr: string): string {
  return expr.replace(/^absent\((.*)\)$/, '$1').replace(/ (?:>|>=|==|<) [\d.e]+$/, '');
}
